-- Forgets the logs of one caller.
--
-- KEYS  the logs
-- ARGV  tag
-- Returns tag, how many there were.

return { ARGV[1], redis.call('UNLINK', unpack(KEYS)) }
