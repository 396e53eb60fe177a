-- The fixed window: one count, of the window that is aligned to the epoch.

local function fixed_set(m, now)
  m.used = m.current
  m.reset = m.used > 0 and m.window - m.elapsed + m.at - now or 0
end

local function fixed_look(m, now)
  buckets_look(m, now)
  m.previous = 0
  fixed_set(m, now)
end

local function fixed_wait(m, limit, capacity, cost, now)
  if cost > limit then return NEVER end
  if cost == 0 or m.used + cost <= limit then return 0 end
  return m.window - m.elapsed + m.at - now
end

local function fixed_take(m, cost, now, least)
  m.current = m.current + cost
  fixed_set(m, now)
  buckets_write(m, now, least)
end

local function fixed_refund(m, units, now, least)
  if m.used == 0 then return end
  buckets_less(m, units)
  fixed_set(m, now)
  buckets_write(m, now, least)
end

algorithms[5] = { look = fixed_look, wait = fixed_wait, take = fixed_take, refund = fixed_refund }
