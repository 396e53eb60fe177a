-- The name of the present data set: made by whoever asks first, and gone when the data is. A server that finds
-- another one than it knew has to enter again what it admitted.
--
-- KEYS  the epoch
-- ARGV  tag, a name for the case that there is none, how long it must live in ms
-- Returns tag, the name.
--
-- It lives as long as anything that it vouches for, so an idle limiter leaves nothing behind.

local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  found = ARGV[2]
elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return { ARGV[1], found }
