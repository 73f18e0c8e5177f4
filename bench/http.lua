-- What wrk sends: GET /user/self, or a message to the friend, from one account after the other.
-- Arguments: "self" or "send", and a file of lines "token account friend".

local heads, friends, content = {}, {}, ""
local sent, run = 0, tostring(os.time())

local function get(token)
  return wrk.format("GET", "/user/self", { Authorization = "Bearer " .. token })
end

-- Everything before the length of a POST; the body follows with every request.
local function post(token)
  return table.concat({ "POST /message/private/send HTTP/1.1", "Host: " .. wrk.headers["Host"],
    "Authorization: Bearer " .. token, "Content-Type: application/json", "Content-Length: " }, "\r\n")
end

function init(args)
  local make = args[1] == "self" and get or post
  for line in io.lines(args[2]) do
    local token, _, friend = line:match("(%S+) (%S+) (%S+)")
    heads[#heads + 1] = make(token)
    friends[#friends + 1] = friend
  end
  if args[1] == "self" then request = next_get else request = next_post end
  content = args[3] or ""
end

function next_get()
  sent = sent % #heads + 1
  return heads[sent]
end

function next_post()
  sent = sent + 1
  local i = sent % #heads + 1
  local body = '{"receiverId":' .. friends[i] .. ',"content":"' .. content ..
    '","messageType":1,"atUserIds":[],"clientMsgId":"' .. run .. "-" .. sent .. '"}'
  return heads[i] .. #body .. "\r\n\r\n" .. body
end

function request() end -- wrk looks for it before init() decides

-- One line for bench: requests, microseconds, median and 99th percentile of the latency, failures.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("bench %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
