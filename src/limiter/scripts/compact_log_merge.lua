-- Entering admissions into a packed log at their own times: what counts is read, merged and written anew.

-- Everything up to that time is forgotten.
local function compact_forget(log, time)
  local now = log.at
  compact_look(log, now)
  if log.count == 0 then return end
  local first = compact_first(log, 0, now, function(at) return at > time end)
  if first >= log.count then
    redis.call('DEL', log.key)
  elseif first > log.first then
    log.before = select(2, compact_entry(log, first - 1, now))
    compact_rewrite(log, compact_slice(log, first, log.count - first), 0)
  end
  log.at = now
  log.used, log.reset = 0, 0
end

local function compact_merge(log, all, now, least)
  local merged = {}
  local before = log.before
  for i = log.first, log.count - 1 do
    local at, total = compact_entry(log, i, now)
    merged[#merged + 1] = { at = at, cost = (total - before) % TOTALS }
    before = total
  end
  local entered = 0
  for _, entry in ipairs(all) do
    if entry.at > log.at - log.window then
      merged[#merged + 1] = entry
      entered = entered + 1
    end
  end
  if entered == 0 then return 0, 0 end
  table.sort(merged, function(a, b) return a.at < b.at end)
  local bytes, total, last = {}, 0, nil
  for _, entry in ipairs(merged) do
    total = total + entry.cost
    if entry.at == last then bytes[#bytes] = nil end
    bytes[#bytes + 1] = compact_pack(entry.at, total)
    last = entry.at
  end
  log.before = 0
  log.reset = last + log.window - now
  compact_rewrite(log, table.concat(bytes), least)
  return entered, 0
end

algorithms[2].forget, algorithms[2].merge = compact_forget, compact_merge
