-- Forgets meters of one caller.
--
-- KEYS  the meters'
-- ARGV  tag, now or '' for the server's, not after or ''
-- Returns tag, 1, now. Too late: tag, 2, now.

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
redis.call('UNLINK', unpack(KEYS))
return { ARGV[1], YES, now }
