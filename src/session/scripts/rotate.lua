-- KEYS session, successor, epochs
-- ARGV tag, base, name, successor's name, change
local tag, base, name, successor, change = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now = now_ms()

if redis.call('HGET', KEYS[2], 'w') == change then return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[2])} end
local stands = standing(KEYS[1], KEYS[3])
if stands ~= 'ok' then return {tag, stands, whole(now)} end
if redis.call('EXISTS', KEYS[2], base .. 't:' .. successor) > 0 then return {tag, 'taken', whole(now)} end

local part, idle, ends = unpack(redis.call('HMGET', KEYS[1], 'p', 'i', 'x'))
local index = base .. 'u:' .. part
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'q', successor, 'w', change, 'l', whole(now))
redis.call('ZADD', index, ends, successor)
redis.call('ZREM', index, name)
outlive(index, now, tonumber(ends))
bury(base, name, 'r:' .. successor, now, tonumber(ends))
expire(KEYS[2], now, tonumber(idle), tonumber(ends))
return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[2])}
