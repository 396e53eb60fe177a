-- The exact sliding window log as a sorted set.
--
-- One sorted set for a key and a window. Each admission is a member:
--
--   score    when, in milliseconds of the server's clock
--   member   8 bytes: the running total, what all admissions up to this one cost; 4 bytes: its own cost; both big-endian
--
-- Running totals make every member unique and make members of one millisecond sort in the order in which they came,
-- so no two requests are ever counted as one; and they make "how much counts?" two lookups and a subtraction,
-- whatever was paid.

local REBASE_ABOVE = 2 ^ 52  -- running totals stay whole doubles

local function member_of(total, cost)
  return struct.pack('>I8I4', total, cost)
end

-- The log at `now`; changes nothing.
--   at       the effective now: a clock that steps back does not open the limit again
--   used     what counts
--   reset    ms until nothing counts
--   total    the running total of the newest member; 0 where none counts
--   before   the running total before the oldest that counts
--   broken   the newest lies too far ahead: a clock was wrong, and the log counts as empty
--   filled   there are members, though they may all have expired
local function log_look(log, now)
  local key, window = log.key, log.window
  log.total = 0
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  if not newest[1] then return end
  log.filled = true
  local newest_at = tonumber(newest[2])
  if newest_at > now + window + CLOCK_TOLERANCE then
    log.broken = true
    return
  end
  if newest_at <= now - window then return end
  if newest_at > now then log.at = newest_at end
  local oldest = redis.call('ZRANGEBYSCORE', key, '(' .. text(log.at - window), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local oldest_total, oldest_cost = struct.unpack('>I8I4', oldest[1])
  log.total = struct.unpack('>I8', newest[1])
  log.before = oldest_total - oldest_cost
  log.oldest_total = oldest_total
  log.oldest_at = tonumber(oldest[2])
  log.used = log.total - log.before
  log.reset = newest_at + window - now
end

-- The wait until `units` more will have expired: the first member whose running total exceeds that before the window
-- by so much.
local function log_wait_for(log, units, now)
  local enough = log.before + units
  local key, window = log.key, log.window
  if log.oldest_total >= enough then return log.oldest_at + window - now end
  local low = redis.call('ZCOUNT', key, '-inf', text(log.at - window)) + 1
  local high = redis.call('ZCARD', key) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local total = struct.unpack('>I8', redis.call('ZRANGE', key, middle, middle)[1])
    if total >= enough then high = middle else low = middle + 1 end
  end
  return tonumber(redis.call('ZRANGE', key, low, low, 'WITHSCORES')[2]) + window - now
end

local function log_wait(log, limit, capacity, cost, now)
  if cost > limit then return NEVER end
  local units = log.used + cost - limit
  if units <= 0 or cost == 0 then return 0 end
  return log_wait_for(log, units, now)
end

-- Removes what can not count any more.
local function log_prune(log)
  if log.broken then
    redis.call('DEL', log.key)
  elseif log.filled then
    redis.call('ZREMRANGEBYSCORE', log.key, '-inf', log.at - log.window)
  end
end

-- Lowers all running totals of a log that was never empty for so long that they near what a double holds.
local function log_rebase(log)
  local members = redis.call('ZRANGE', log.key, 0, -1, 'WITHSCORES')
  redis.call('DEL', log.key)
  for i = 1, #members, 2 do
    local total, cost = struct.unpack('>I8I4', members[i])
    redis.call('ZADD', log.key, members[i + 1], member_of(total - log.before, cost))
  end
  log.total = log.used
  log.before = 0
end

local function log_take(log, cost, now, least)
  log_prune(log)
  if log.total > REBASE_ABOVE then log_rebase(log) end
  redis.call('ZADD', log.key, log.at, member_of(log.total + cost, cost))
  log.used = log.used + cost
  log.reset = log.at + log.window - now
  expire(log.key, log.reset, least)
end

-- Gives units back: of the admission of just now if there is one, else of the oldest, which can only make the limit
-- stricter. A member of which a part is left keeps its time.
local function log_refund(log, units, now)
  if log.used == 0 then return end
  log_prune(log)
  local members = redis.call('ZRANGEBYSCORE', log.key, text(log.at), text(log.at))
  for i = #members, 1, -1 do
    if units == 0 then break end
    local total, cost = struct.unpack('>I8I4', members[i])
    local given = math.min(units, cost)
    redis.call('ZREM', log.key, members[i])
    if given < cost then redis.call('ZADD', log.key, log.at, member_of(total - given, cost - given)) end
    units = units - given
    log.used = log.used - given
  end
  while units > 0 do
    local oldest = redis.call('ZRANGE', log.key, 0, 0, 'WITHSCORES')
    if not oldest[1] then break end
    local total, cost = struct.unpack('>I8I4', oldest[1])
    local given = math.min(units, cost)
    redis.call('ZREM', log.key, oldest[1])
    if given < cost then redis.call('ZADD', log.key, oldest[2], member_of(total, cost - given)) end
    units = units - given
    log.used = log.used - given
  end
  local newest = redis.call('ZRANGE', log.key, -1, -1, 'WITHSCORES')
  log.reset = newest[1] and tonumber(newest[2]) + log.window - now or 0
end

algorithms[1] = { look = log_look, wait = log_wait, take = log_take, refund = log_refund }
