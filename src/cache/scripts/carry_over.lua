-- Brings one write of an outage to Redis, unless a newer one is there already: of two servers that wrote the same key while one of
-- them was cut off, the later write stays.
--
-- KEYS[1]  the value's key
-- ARGV     1 echo, 2 how an envelope begins, 3 when it was written (Unix ms), 4 time to live in ms, "0": remove, 5 the envelope
-- Returns  {echo, 1 if it was brought, else 0}
--
-- An envelope tells at bytes 8 to 15, little-endian, when it was written (codec.hpp). Times come from the writers' calendars.

local begins = redis.pcall('GETRANGE', KEYS[1], 0, 15)
if type(begins) == 'string' and #begins == 16 and string.sub(begins, 1, #ARGV[2]) == ARGV[2] then
  local written = 0
  for i = 16, 9, -1 do
    written = written * 256 + string.byte(begins, i)
  end
  if written > tonumber(ARGV[3]) then
    return {ARGV[1], 0}
  end
end
if ARGV[4] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[4])
end
return {ARGV[1], 1}
