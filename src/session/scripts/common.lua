-- Before every other script. Keys of one user share the hash tag that is in `base`, so all that is touched is in one slot.
--
--   base .. 's:' .. name   hash: a session          base .. 'u:' .. part   sorted set: a user's sessions by absolute end
--   base .. 'e'            hash: epochs by user     base .. 't:' .. name   string: 'd' ended, 'r:<name>' replaced by <name>
--
-- Every reply is { tag, status, server time in ms, ... }: the tag is the question's, repeated.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Whole numbers beyond 2^31 are written out, never as 1e+12.
local function whole(number)
  return string.format('%.0f', number)
end

-- A user's epoch: its number, when all sessions were last revoked, and by which change. Nil: there is none (lost, or never was).
local function epoch_of(epochs, part)
  local text = redis.call('HGET', epochs, part)
  if not text then return nil end
  local number, revoked, change = string.match(text, '^(%d+):(%d+):(.*)$')
  return number, tonumber(revoked), change
end

-- An epoch is still there when the last session under it ends.
local kEpochMargin = 60000

-- The key lives at least until `until_ms`.
local function outlive(key, now, until_ms)
  local left = redis.call('PTTL', key)
  if left < 0 or now + left < until_ms then redis.call('PEXPIREAT', key, whole(until_ms)) end
end

-- The epoch under which a new session stands. A new number is the time, so that it differs from one that was lost.
local function join_epoch(epochs, part, now, until_ms)
  local number = epoch_of(epochs, part)
  if not number then
    number = whole(now)
    redis.call('HSET', epochs, part, number .. ':0:')
  end
  outlive(epochs, now, until_ms + kEpochMargin)
  return number
end

local function bury(base, name, why, now, until_ms)
  local left = until_ms - now
  if left > 0 then redis.call('SET', base .. 't:' .. name, why, 'PX', whole(left)) end
end

-- Ends a session for good. True: it was there.
local function finish(base, name, why, now, until_ms)
  local session = base .. 's:' .. name
  local part, ends = unpack(redis.call('HMGET', session, 'p', 'x'))
  if part then
    redis.call('DEL', session)
    redis.call('ZREM', base .. 'u:' .. part, name)
    until_ms = tonumber(ends)
  end
  if until_ms then bury(base, name, why, now, until_ms) end
  return part and true or false
end

-- Room for one more in a user's index: first what is over, then the oldest.
local function make_room(base, index, now, most)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now))
  if redis.call('ZCARD', index) < most then return end
  for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if redis.call('EXISTS', base .. 's:' .. name) == 0 then redis.call('ZREM', index, name) end
  end
  while redis.call('ZCARD', index) >= most do
    local oldest = redis.call('ZRANGE', index, 0, 0)[1]
    if not finish(base, oldest, 'd', now, nil) then redis.call('ZREM', index, oldest) end
  end
end

-- The session ends when it has been idle for long enough, and at its absolute end in any case.
local function expire(session, last, idle, ends)
  redis.call('PEXPIREAT', session, whole(math.min(last + idle, ends)))
end

-- Alive under its user's epoch? 'ok', 'gone', or 'unknown' where the epoch is lost.
local function standing(session, epochs)
  local part, epoch = unpack(redis.call('HMGET', session, 'p', 'e'))
  if not part then return 'gone' end
  local number = epoch_of(epochs, part)
  if not number then return 'unknown' end
  if number ~= epoch then return 'gone' end
  return 'ok'
end
