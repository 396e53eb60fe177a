-- Entering admissions into a GCRA state: what of them has not flowed out yet, had they come alone, is put on top of what
-- the state holds. And the bucket is at least as empty as the server that stood in saw it, which went on from what it had
-- last heard of this state.

local function gcra_forget(m)
  redis.call('DEL', m.key)
end

local function gcra_merge(m, entries, now, least, ahead)
  if m.broken then redis.call('DEL', m.key) end
  local state_tat, state_fraction = m.tat, m.fraction
  m.tat, m.fraction = 0, 0
  for _, entry in ipairs(entries) do
    if entry.at > m.tat then m.tat, m.fraction = entry.at, 0 end
    m.tat, m.fraction = gcra_after(m, entry.cost)
  end
  local outstanding = m.tat + (m.fraction > 0 and 1 or 0) - m.at
  local tat = state_tat + math.max(0, outstanding)
  local fraction = state_fraction
  if now + ahead > tat then tat, fraction = now + ahead, 0 end
  if tat > m.at + FURTHEST then tat, fraction = m.at + FURTHEST, 0 end
  gcra_set(m, tat, fraction, now)
  if m.used == 0 then return 0, 0 end
  gcra_write(m, m.at, now, least)
  return #entries, 0
end

algorithms[4].forget, algorithms[4].merge = gcra_forget, gcra_merge
