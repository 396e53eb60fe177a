-- The exact sliding window log as a packed string: the same answers as the sorted set's, in a fraction of the memory.
--
-- A header of 16 bytes and a ring of entries of 9 bytes, little-endian:
--
--   header   4 index of the oldest entry, 4 number of entries, 4 entries that there is room for, 4 the running total
--            before the oldest
--   entry    5 when, in ms modulo 2^40; 4 the running total up to it, modulo 2^32
--
-- What counts is never 2^32 and a window never 2^39 ms, so differences are exact. Admissions of one millisecond share an
-- entry. Up to SMALL entries the string is read and written whole, without a gap; beyond that it is a ring in which an
-- admission writes its entry and the header, and which grows by a quarter when it is full.

local HEADER, ENTRY, SMALL = 16, 9, 120
local TIMES, TOTALS = 2 ^ 40, 2 ^ 32

local function compact_entry(log, index, now)
  local place = HEADER + (log.head + index) % log.room * ENTRY + 1
  local time, total
  if place + ENTRY - 1 <= #log.text then
    time, total = struct.unpack('<I5I4', log.text, place)
  else
    time, total = struct.unpack('<I5I4', redis.call('GETRANGE', log.key, place - 1, place + ENTRY - 2))
  end
  local since = (time - now) % TIMES
  if since >= TIMES / 2 then since = since - TIMES end
  return now + since, total
end

-- The first entry from `low` on for which `is(at, total)`, which then holds for all behind it; `count` if none. Steps that
-- double come first: between two questions hardly anything expires.
local function compact_first(log, low, now, is)
  local step, high = 1, low
  while high < log.count and not is(compact_entry(log, high, now)) do
    low, high, step = high + 1, high + step, step * 2
  end
  high = math.min(high, log.count)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is(compact_entry(log, middle, now)) then high = middle else low = middle + 1 end
  end
  return low
end

local function compact_look(log, now)
  log.count, log.head, log.room, log.before, log.first = 0, 0, 0, 0, 0
  log.text = redis.call('GETRANGE', log.key, 0, HEADER + SMALL * ENTRY - 1)
  if log.text == '' then return end
  log.head, log.count, log.room, log.before = struct.unpack('<I4I4I4I4', log.text)
  if log.count == 0 then return end
  log.newest_at, log.total = compact_entry(log, log.count - 1, now)
  if log.newest_at > now + log.window + CLOCK_TOLERANCE then
    log.broken = true
    log.count = 0
    return
  end
  if log.newest_at > now then log.at = log.newest_at end
  local gone = log.at - log.window
  if log.newest_at <= gone then
    log.count = 0
    return
  end
  log.first = compact_first(log, 0, now, function(at) return at > gone end)
  if log.first > 0 then
    local _, total = compact_entry(log, log.first - 1, now)
    log.before = total
  end
  log.used = (log.total - log.before) % TOTALS
  log.reset = log.newest_at + log.window - now
end

local function compact_wait(log, limit, capacity, cost, now)
  if cost > limit then return NEVER end
  local units = log.used + cost - limit
  if units <= 0 or cost == 0 then return 0 end
  local before = log.before
  local freed = compact_first(log, log.first, now, function(_, total) return (total - before) % TOTALS >= units end)
  local at = compact_entry(log, freed, now)
  return at + log.window - now
end

-- The bytes of `count` entries from index `first` on.
local function compact_slice(log, first, count)
  if count == 0 then return '' end
  local from = (log.head + first) % log.room
  local straight = math.min(count, log.room - from)
  local function bytes(place, n)
    local start = HEADER + place * ENTRY
    if start + n * ENTRY <= #log.text then return log.text:sub(start + 1, start + n * ENTRY) end
    return redis.call('GETRANGE', log.key, start, start + n * ENTRY - 1)
  end
  if straight == count then return bytes(from, count) end
  return bytes(from, straight) .. bytes(0, count - straight)
end

-- Writes the string anew: `entries` are the bytes of all that are in it.
local function compact_rewrite(log, entries, least)
  local count = #entries / ENTRY
  local room = count <= SMALL and count or math.ceil(count * 1.25)
  local header = struct.pack('<I4I4I4I4', 0, count, room, log.before)
  local value = header .. entries .. string.rep('\0', (room - count) * ENTRY)
  redis.call('SET', log.key, value, 'PX', math.max(log.reset, least, 1))
end

local function compact_pack(at, total)
  return struct.pack('<I5I4', at % TIMES, total % TOTALS)
end

local function compact_take(log, cost, now, least)
  local live = log.count - log.first
  local same = live > 0 and log.newest_at == log.at
  if live == 0 then log.before, log.total = 0, 0 end
  log.total = (log.total + cost) % TOTALS
  log.used = log.used + cost
  log.reset = log.at + log.window - now
  local entry = compact_pack(log.at, log.total)
  local kept = same and live - 1 or live
  if kept + 1 <= SMALL or kept + 1 > log.room then
    return compact_rewrite(log, compact_slice(log, log.first, kept) .. entry, least)
  end
  local head = (log.head + log.first) % log.room
  redis.call('SETRANGE', log.key, HEADER + (head + kept) % log.room * ENTRY, entry)
  redis.call('SETRANGE', log.key, 0, struct.pack('<I4I4I4I4', head, kept + 1, log.room, log.before))
  expire(log.key, log.reset, least)
end

-- As of the sorted set: of the admission of just now if there is one, else of the oldest.
local function compact_refund(log, units, now, least)
  if log.used == 0 then return end
  units = math.min(units, log.used)
  local live = log.count - log.first
  local entries = compact_slice(log, log.first, live)
  if log.newest_at == log.at then
    local earlier = log.before
    if live > 1 then earlier = select(2, compact_entry(log, log.count - 2, now)) end
    local given = math.min(units, (log.total - earlier) % TOTALS)
    log.total = (log.total - given) % TOTALS
    units = units - given
    log.used = log.used - given
    entries = entries:sub(1, -ENTRY - 1)
    if log.total ~= earlier then
      entries = entries .. compact_pack(log.at, log.total)
    elseif live > 1 then
      log.reset = compact_entry(log, log.count - 2, now) + log.window - now
    end
  end
  log.before = (log.before + units) % TOTALS
  log.used = log.used - units
  local gone = 0
  while gone < #entries do
    local _, total = struct.unpack('<I5I4', entries, gone + 1)
    if (total - log.before) % TOTALS > 0 and (log.total - log.before) % TOTALS >= (total - log.before) % TOTALS then break end
    gone = gone + ENTRY
  end
  entries = entries:sub(gone + 1)
  if entries == '' then
    log.reset = 0
    redis.call('DEL', log.key)
    return
  end
  compact_rewrite(log, entries, least)
end

algorithms[2] = { look = compact_look, wait = compact_wait, take = compact_take, refund = compact_refund }
