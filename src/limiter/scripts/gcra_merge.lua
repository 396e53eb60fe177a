-- Entering admissions into a GCRA state. Each moves the time on from where it is, or from the admission's own time if
-- that is later. What flowed in between an old admission and a newer one that is already in the state is not given back:
-- the bucket is emptier than it might be, never fuller.

local function gcra_forget(m)
  redis.call('DEL', m.key)
end

local function gcra_merge(m, entries, now, least)
  if m.broken then redis.call('DEL', m.key) end
  local newest = m.at
  if m.used == 0 and entries[1] then m.tat, m.fraction = math.min(m.tat, entries[1].at), 0 end
  for _, entry in ipairs(entries) do
    if entry.at > m.tat then m.tat, m.fraction = entry.at, 0 end
    m.tat, m.fraction = gcra_after(m, entry.cost)
  end
  local tat, fraction = m.tat, m.fraction
  if tat < m.at then return 0, 0 end
  if tat > m.at + FURTHEST then tat, fraction = m.at + FURTHEST, 0 end
  gcra_set(m, tat, fraction, now)
  gcra_write(m, newest, now, least)
  return #entries, 0
end

algorithms[4].forget, algorithms[4].merge = gcra_forget, gcra_merge
