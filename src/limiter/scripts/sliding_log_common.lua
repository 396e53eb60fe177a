-- The exact sliding window log in Redis: what the scripts beside this one share. It is put before each of them.
--
-- One sorted set for a key and a window. Each admission is a member:
--
--   score    when, in milliseconds of the server's clock
--   member   8 bytes: the running total, what all admissions up to this one cost; 4 bytes: its own cost; both big-endian
--
-- Running totals make every member unique and make members of one millisecond sort in the order in which they came,
-- so no two requests are ever counted as one; and they make "how much counts?" two lookups and a subtraction,
-- whatever was paid.
--
-- A call may say until when it is worth anything, on the server's clock. Redis reads what lay in its buffers while it
-- was frozen as soon as it goes on; by then the caller has been answered by somebody else, and the call must not
-- count a second time.
--
-- Numbers are doubles in Lua: whole and exact to 2^53, which bounds the running total (see rebase). Turning them into
-- text goes through %.0f, because Lua's own way rounds to 14 digits.

local CLOCK_TOLERANCE = 1000  -- ms, as kClockTolerance
local REBASE_ABOVE = 2 ^ 52

local function text(number)
  return string.format('%.0f', number)
end

-- Milliseconds: given by a replay in virtual time, else the server's own clock.
local function time_of(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local NO, YES, TOO_LATE = 0, 1, 2  -- what became of a call

local function is_late(now, not_after)
  return not_after ~= '' and now > tonumber(not_after)
end

local function member_of(total, cost)
  return struct.pack('>I8I4', total, cost)
end

-- The log at `now`; changes nothing.
--   at       the effective now: a clock that steps back does not open the limit again
--   used     what counts
--   reset    ms until nothing counts
--   total    the running total of the newest member; 0 where none counts
--   broken   the newest lies too far ahead: a clock was wrong, and the log counts as empty
--   filled   there are members, though they may all have expired
local function look(key, window, now)
  local log = { at = now, used = 0, reset = 0, total = 0 }
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  if not newest[1] then return log end
  log.filled = true
  local newest_at = tonumber(newest[2])
  if newest_at > now + window + CLOCK_TOLERANCE then
    log.broken = true
    return log
  end
  if newest_at <= now - window then return log end
  if newest_at > now then log.at = newest_at end
  local oldest = redis.call('ZRANGEBYSCORE', key, '(' .. text(log.at - window), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local oldest_total, oldest_cost = struct.unpack('>I8I4', oldest[1])
  log.total = struct.unpack('>I8', newest[1])
  log.before = oldest_total - oldest_cost  -- the running total before the window
  log.oldest_total = oldest_total
  log.oldest_at = tonumber(oldest[2])
  log.used = log.total - log.before
  log.reset = newest_at + window - now
  return log
end

-- Removes what can not count any more.
local function prune(key, window, log)
  if log.broken then
    redis.call('DEL', key)
  elseif log.filled then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(log.at - window))
  end
end

-- Lowers all running totals of a log that was never empty for so long that they near what a double holds.
local function rebase(key, log)
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  redis.call('DEL', key)
  for i = 1, #members, 2 do
    local total, cost = struct.unpack('>I8I4', members[i])
    redis.call('ZADD', key, members[i + 1], member_of(total - log.before, cost))
  end
  log.total = log.used
  log.before = 0
end

-- Keys live as long as anything in them counts.
local function expire(key, ttl, least)
  redis.call('PEXPIRE', key, text(math.max(ttl, least)))
end
