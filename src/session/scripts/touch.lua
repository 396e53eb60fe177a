-- KEYS session, epochs
-- ARGV tag
local now = now_ms()
local stands = standing(KEYS[1], KEYS[2])
if stands ~= 'ok' then return {ARGV[1], stands, whole(now)} end
local idle, ends = unpack(redis.call('HMGET', KEYS[1], 'i', 'x'))
redis.call('HSET', KEYS[1], 'l', whole(now))
expire(KEYS[1], now, tonumber(idle), tonumber(ends))
return {ARGV[1], 'done', whole(now)}
