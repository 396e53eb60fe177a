-- KEYS session, index, epochs, tombstone
-- ARGV tag, base, name, part, user, data, device, address, idle, lifetime, change, sent at, most of a user,
--      how long it may be on its way
local tag, base, name, part = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local idle, lifetime, change = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local now = now_ms()

local known = redis.call('HGET', KEYS[1], 'w')
if known == change then return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[1])} end
if known then return {tag, 'taken', whole(now)} end
if redis.call('EXISTS', KEYS[4]) == 1 then return {tag, 'gone', whole(now)} end

-- A server that was stopped runs this long after it was sent: the session is as old as its sending.
local created = math.min(now, tonumber(ARGV[12]))
local ends = created + lifetime
if math.min(created + idle, ends) <= now then return {tag, 'gone', whole(now)} end
-- And its user may have logged out everywhere in the meantime.
local _, revoked = epoch_of(KEYS[3], part)
local was_held_up = now - created >= tonumber(ARGV[14])
if was_held_up and revoked and created <= revoked then return {tag, 'gone', whole(now)} end
make_room(base, KEYS[2], now, tonumber(ARGV[13]))
local epoch = join_epoch(KEYS[3], part, now, ends)
redis.call('HSET', KEYS[1], 'f', '1', 'q', name, 'p', part, 'u', ARGV[5], 'd', ARGV[6], 'n', ARGV[7], 'a', ARGV[8],
  'c', whole(created), 'l', whole(created), 'm', whole(created), 'x', whole(ends), 'i', ARGV[9], 'e', epoch,
  'v', '1', 'w', change)
expire(KEYS[1], created, idle, ends)
redis.call('ZADD', KEYS[2], whole(ends), name)
outlive(KEYS[2], now, ends)
return {tag, 'done', whole(now), redis.call('HGETALL', KEYS[1])}
