-- Asks one or several logs of one caller, and takes from all of them or from none.
--
-- KEYS  the logs, one for each window
-- ARGV  tag, now or '' for the server's, not after or '', cost, '1' to take or '0' to ask, least time to live in ms,
--       then a window for each log, then for each rule the number of its log (from 1) and its limit
--
-- Returns tag, admitted (0 or 1), now, logs that started afresh, then for each log what is used and ms until it is
-- reset, then for each rule the wait in ms: 0 admits, -1 never will. A request that is not admitted, or only asks,
-- writes nothing at all. Too late: tag, 2, now.

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
local cost = tonumber(ARGV[4])
local take = ARGV[5] == '1'
local least = tonumber(ARGV[6])
local FIRST_WINDOW = 7

-- The wait until `units` more will have expired: the first member whose running total exceeds that before the window
-- by so much.
local function wait_for(key, window, log, units)
  local enough = log.before + units
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

local function wait_of(log, limit)
  if cost > limit then return -1 end
  local units = log.used + cost - limit
  if units <= 0 or cost == 0 then return 0 end
  return wait_for(log.key, log.window, log, units)
end

local function admit(log)
  prune(log.key, log.window, log)
  if log.total > REBASE_ABOVE then rebase(log.key, log) end
  redis.call('ZADD', log.key, text(log.at), member_of(log.total + cost, cost))
  log.used = log.used + cost
  log.reset = log.at + log.window - now
  expire(log.key, log.reset, least)
end

local logs = {}
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[FIRST_WINDOW + i - 1])
  logs[i] = look(key, window, now)
  logs[i].key = key
  logs[i].window = window
end

local admitted = YES
local waits = {}
for i = FIRST_WINDOW + #KEYS, #ARGV, 2 do
  local wait = wait_of(logs[tonumber(ARGV[i])], tonumber(ARGV[i + 1]))
  waits[#waits + 1] = wait
  if wait ~= 0 then admitted = NO end
end

local afresh = 0
if admitted == YES and take and cost > 0 then
  for _, log in ipairs(logs) do
    if log.broken then afresh = afresh + 1 end
    admit(log)
  end
end

local reply = { ARGV[1], admitted, now, afresh }
for _, log in ipairs(logs) do
  reply[#reply + 1] = log.used
  reply[#reply + 1] = log.reset
end
for _, wait in ipairs(waits) do reply[#reply + 1] = wait end
return reply
