-- How a red packet is split, so that anyone can check it.
--
-- seed        32 random bytes as 64 hexadecimal digits, drawn from the cryptographic source of PostgreSQL
-- commitment  SHA-256 of those 64 characters; shown when the packet is sent.  The seed is shown when it is over.
-- draw        number(k, n) = the first 13 hexadecimal digits (52 bits) of SHA-256 of the text  seed:k:n
--             for share k the n = 0, 1, 2… is used that is the first with number < 2^52 - 2^52 mod span;
--             the draw is number mod span: uniform in 0 … span-1, no modulo bias
-- shares      in cents; rest = what is left for the shares k … count, left = how many those are, mean = rest / left
--             rounded down.  The last share is the rest.  Any other lies uniformly between
--               low  = the greatest of 1,        2*mean - max, rest - (left-1)*max
--               high = the least    of 2*mean,   max,          rest - (left-1)
--             (double mean; max is the packet's greatest share, and matters only when the mean is above half of it)
-- By hand:    printf %s $seed | sha256sum;  printf %s $seed:1:0 | sha256sum | cut -c1-13

create or replace function im.redpacket_draw(seed text, share integer, span bigint) returns bigint
language plpgsql immutable as $$
declare
  bound bigint := 4503599627370496 - 4503599627370496 % span;
  number bigint;
  try integer := 0;
begin
  loop
    number := ('x' || left(encode(sha256(convert_to(concat(seed, ':', share, ':', try), 'UTF8')), 'hex'), 13))
              ::bit(52)::bigint;
    exit when number < bound;
    try := try + 1;
  end loop;
  return number % span;
end $$;

create or replace function im.redpacket_split_lucky(seed text, total bigint, count integer, max bigint)
returns bigint[]
language plpgsql immutable as $$
declare
  shares bigint[] := array[]::bigint[];
  rest bigint := total;
  mean bigint;
  low bigint;
  high bigint;
begin
  for remaining in reverse count..2 loop
    mean := rest / remaining;
    low := greatest(1, 2 * mean - max, rest - (remaining - 1) * max);
    high := least(2 * mean, max, rest - (remaining - 1));
    shares := shares || low + im.redpacket_draw(seed, count - remaining + 1, high - low + 1);
    rest := rest - shares[count - remaining + 1];
  end loop;
  return shares || rest;
end $$;

-- The shares of a packet, in yuan and in order.
create or replace function im.redpacket_split(seed text, total numeric, count integer, type integer, max numeric)
returns numeric[]
language plpgsql immutable as $$
begin
  if type = 2 then
    return array_fill((total / count)::numeric(18,2), array[count]);
  end if;
  return array(select (cents * 0.01)::numeric(18,2)
                 from unnest(im.redpacket_split_lucky(seed, (total * 100)::bigint, count, (max * 100)::bigint))
                      with ordinality as s (cents, number)
                order by number);
end $$;

-- imctl packet verify: draws the packet again from its seed, beside what it really held.
create or replace function im.redpacket_verify(packet uuid)
returns table (number integer, amount numeric, drawn numeric, agrees boolean)
language plpgsql stable as $$
declare
  p im.redpacket;
begin
  select * into p from im.redpacket r where r.id = packet;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such packet to verify';
  elsif p.commitment <> encode(sha256(convert_to(p.seed, 'UTF8')), 'hex') then
    return query select 0, null::numeric, null::numeric, false;
  end if;
  return query
    select coalesce(s.number::integer, d.number::integer), s.amount::numeric, d.drawn,
           s.amount is not distinct from d.drawn
      from unnest(im.redpacket_split(p.seed, p.total, p.count, p.type, p.share_max)) with ordinality d (drawn, number)
      full join (select * from im.redpacket_share x where x.packet_id = packet) s on s.number = d.number
     order by 1;
end $$;
