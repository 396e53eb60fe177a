-- The name of the present data set: made by whoever asks first, and gone when the data is. A server that finds another one than
-- it knew has to enter again what it admitted.
--
-- KEYS  the epoch
-- ARGV  tag, a name for the case that there is none
-- Returns tag, the name.

local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[2])
  found = ARGV[2]
end
return { ARGV[1], found }
