-- KEYS session, epochs
-- ARGV tag, expected version, data, change
local tag, change = ARGV[1], ARGV[4]
local now = now_ms()

local stands = standing(KEYS[1], KEYS[2])
if stands ~= 'ok' then return {tag, stands, whole(now)} end
local version, known, idle, ends = unpack(redis.call('HMGET', KEYS[1], 'v', 'w', 'i', 'x'))
if known == change then return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[1])} end
if version ~= ARGV[2] then return {tag, 'conflict', whole(now), {version}} end
redis.call('HSET', KEYS[1], 'd', ARGV[3], 'w', change, 'm', whole(now), 'l', whole(now))
redis.call('HINCRBY', KEYS[1], 'v', 1)
expire(KEYS[1], now, tonumber(idle), tonumber(ends))
return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[1])}
