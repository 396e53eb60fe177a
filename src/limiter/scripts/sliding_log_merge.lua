-- Enters into one log what a server admitted by itself while Redis was away from it, at the times when that was.
--
-- KEYS  the log, the marker of this merge
-- ARGV  tag, now or '' for the server's, not after or '', window, least time to live in ms, the marker's time to live
--       in ms, age in ms of a reset that comes first ('' for none), the admissions, oldest first: 8 bytes age in ms, 4
--       bytes cost, little-endian
--
-- Returns tag, 1, now, how many were entered, how many of those had to be entered as of now. Too late: tag, 2, now.
--
-- A merge that is sent again, because its answer was lost, finds its marker and changes nothing. Ages and not times
-- are sent, so the clocks of the two need not agree. Members that are newer than the first one to be entered get new
-- running totals; where they are very many, the entries are put at the end instead, as of now: they then count for
-- longer than they might, never for shorter.

local MOST_REWRITTEN = 2000
local PER_ZADD = 50

local key, marker = KEYS[1], KEYS[2]
local window = tonumber(ARGV[4])
local least = tonumber(ARGV[5])

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
if redis.call('EXISTS', marker) == 1 then return { ARGV[1], YES, now, 0, 0 } end
if ARGV[7] ~= '' then redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - tonumber(ARGV[7]))) end

local log = look(key, window, now)
prune(key, window, log)
if log.total > REBASE_ABOVE then rebase(key, log) end
redis.call('SET', marker, '', 'PX', ARGV[6])

-- What still counts of the admissions to be entered.
local entries = {}
for at = 1, #ARGV[8], 12 do
  local age, cost = struct.unpack('<I8I4', ARGV[8], at)
  if now - age > log.at - window then entries[#entries + 1] = { at = now - age, cost = cost } end
end
if #entries == 0 then return { ARGV[1], YES, now, 0, 0 } end

local after_first = '(' .. text(entries[1].at)
local as_of_now = 0
local newer = {}
if log.total > 0 then
  if redis.call('ZCOUNT', key, after_first, '+inf') > MOST_REWRITTEN then
    as_of_now = #entries
    for _, entry in ipairs(entries) do entry.at = log.at end
  else
    newer = redis.call('ZRANGEBYSCORE', key, after_first, '+inf', 'WITHSCORES')
  end
end

local total = log.total
if newer[1] then
  local first_total, first_cost = struct.unpack('>I8I4', newer[1])
  total = first_total - first_cost
  redis.call('ZREMRANGEBYSCORE', key, after_first, '+inf')
end

local batch = {}
local function flush()
  if #batch > 0 then redis.call('ZADD', key, unpack(batch)) end
  batch = {}
end
local newest_at = log.at
local function append(at, cost)
  total = total + cost
  batch[#batch + 1] = text(at)
  batch[#batch + 1] = member_of(total, cost)
  if #batch >= 2 * PER_ZADD then flush() end
  newest_at = at
end

local next_entry = 1
for i = 1, #newer, 2 do
  local at = tonumber(newer[i + 1])
  while entries[next_entry] and entries[next_entry].at < at do
    append(entries[next_entry].at, entries[next_entry].cost)
    next_entry = next_entry + 1
  end
  local _, cost = struct.unpack('>I8I4', newer[i])
  append(at, cost)
end
for i = next_entry, #entries do append(entries[i].at, entries[i].cost) end
flush()

expire(key, newest_at + window - now, least)
return { ARGV[1], YES, now, #entries, as_of_now }
