-- Entering admissions into a sorted set's log at their own times. Members that are newer than the first one to be entered
-- get new running totals; where they are very many, the entries are put at the end instead, as of now: they then count
-- for longer than they might, never for shorter.

local MOST_REWRITTEN = 2000
local PER_ZADD = 50

-- What was admitted up to that time is forgotten.
local function log_forget(log, time)
  redis.call('ZREMRANGEBYSCORE', log.key, '-inf', text(time))
end

local function log_merge(log, all, now, least)
  log_prune(log)
  if log.total > REBASE_ABOVE then log_rebase(log) end
  local entries = {}
  for _, entry in ipairs(all) do
    if entry.at > log.at - log.window then entries[#entries + 1] = entry end
  end
  if #entries == 0 then return 0, 0 end

  local after_first = '(' .. text(entries[1].at)
  local as_of_now = 0
  local newer = {}
  if log.total > 0 then
    if redis.call('ZCOUNT', log.key, after_first, '+inf') > MOST_REWRITTEN then
      as_of_now = #entries
      for _, entry in ipairs(entries) do entry.at = log.at end
    else
      newer = redis.call('ZRANGEBYSCORE', log.key, after_first, '+inf', 'WITHSCORES')
    end
  end

  local total = log.total
  if newer[1] then
    local first_total, first_cost = struct.unpack('>I8I4', newer[1])
    total = first_total - first_cost
    redis.call('ZREMRANGEBYSCORE', log.key, after_first, '+inf')
  end

  local batch = {}
  local function flush()
    if #batch > 0 then redis.call('ZADD', log.key, unpack(batch)) end
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
  expire(log.key, newest_at + log.window - now, least)
  return #entries, as_of_now
end

algorithms[1].forget, algorithms[1].merge = log_forget, log_merge
