-- Entering admissions into counts: each into the window that it was in, if that still counts.

local function buckets_forget(m)
  redis.call('DEL', m.key)
end

local function buckets_merge(m, entries, now, least)
  local bucket = math.floor(m.at / m.window)
  local entered = 0
  for _, entry in ipairs(entries) do
    local its = math.floor(entry.at / m.window)
    if its >= bucket then
      m.current = m.current + entry.cost
      entered = entered + 1
    elseif its == bucket - 1 then
      m.previous = m.previous + entry.cost
      entered = entered + 1
    end
  end
  if entered == 0 then return 0, 0 end
  m.reset = 2 * m.window - m.elapsed + m.at - now
  buckets_write(m, now, least)
  return entered, 0
end

for _, number in ipairs({ 3, 5 }) do
  if algorithms[number] then algorithms[number].forget, algorithms[number].merge = buckets_forget, buckets_merge end
end
