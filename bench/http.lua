-- What wrk sends: GET /user/self, a message to the friend, heartbeats of calls, from one account after the other, or robs of
-- red packets.  Arguments: "self", "send", "heartbeat" or "rob", a file of lines "token friend call", the content of messages, the first packet's number.

local heads, friends, calls, content, first = {}, {}, {}, "", 0
local sent, run = 0, tostring(os.time())

local function get(token)
  return wrk.format("GET", "/user/self", { Authorization = "Bearer " .. token })
end

-- Everything before the length of a POST; the body follows with every request.
local function post(path)
  return function(token)
    return table.concat({ "POST " .. path .. " HTTP/1.1", "Host: " .. wrk.headers["Host"],
      "Authorization: Bearer " .. token, "Content-Type: application/json", "Content-Length: " }, "\r\n")
  end
end

local function next_self()
  sent = sent % #heads + 1
  return heads[sent]
end

local function next_send()
  sent = sent + 1
  local i = sent % #heads + 1
  local body = '{"receiverId":' .. friends[i] .. ',"content":"' .. content ..
    '","messageType":1,"atUserIds":[],"clientMsgId":"' .. run .. "-" .. sent .. '"}'
  return heads[i] .. #body .. "\r\n\r\n" .. body
end

local function next_heartbeat()
  sent = sent + 1
  local i = sent % #heads + 1
  local body = '{"callId":"' .. calls[i] .. '"}'
  return heads[i] .. #body .. "\r\n\r\n" .. body
end

-- 96 accounts rob a packet of 100 shares, then the next one (rob.sql does the same).
local function next_rob()
  local body = string.format('{"redPacketId":"00000000-0000-4000-8000-%012d"}', first + math.floor(sent / 96))
  local head = heads[sent % 96 + 1]
  sent = sent + 1
  return head .. #body .. "\r\n\r\n" .. body
end

local kinds = {
  self = { get, next_self },
  send = { post("/message/private/send"), next_send },
  heartbeat = { post("/webrtc/private/heartbeat"), next_heartbeat },
  rob = { post("/redPackage/rob"), next_rob },
}

function init(args)
  local make = kinds[args[1]][1]
  request = kinds[args[1]][2]
  for line in io.lines(args[2]) do
    local token, friend, call = line:match("(%S+) (%S+) (%S*)")
    heads[#heads + 1] = make(token)
    friends[#friends + 1] = friend
    calls[#calls + 1] = call
  end
  content = args[3] or ""
  first = tonumber(args[4]) or 0
end

function request() end -- wrk looks for it before init() decides

-- One line for bench: requests, microseconds, median and 99th percentile of the latency, failures.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("bench %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
