-- The sliding window counter: two counts, of which the older one fades out linearly (buckets.cpp has the essay).

local function counter_set(m, now)
  m.used = m.current + muldiv_up(m.previous, m.window - m.elapsed, m.window)
  m.extra = m.previous
  local until_next = m.window - m.elapsed + m.at - now
  m.reset = m.current > 0 and until_next + m.window or m.previous > 0 and until_next or 0
end

local function counter_look(m, now)
  buckets_look(m, now)
  counter_set(m, now)
end

-- How much of the window must have passed until `count` has faded to `room`.
local function elapsed_when(m, room, count)
  local whole = muldiv(room, m.window, count)
  return m.window - math.min(m.window, whole)
end

local function counter_wait(m, limit, capacity, cost, now)
  if cost > limit then return NEVER end
  if cost == 0 or m.used + cost <= limit then return 0 end
  local room = limit - cost - m.current
  local wait
  if room >= 0 then
    wait = elapsed_when(m, room, m.previous) - m.elapsed
  else
    wait = m.window - m.elapsed + elapsed_when(m, limit - cost, m.current)
  end
  return wait + m.at - now
end

local function counter_take(m, cost, now, least)
  m.current = m.current + cost
  counter_set(m, now)
  buckets_write(m, now, least)
end

local function counter_refund(m, units, now, least)
  if m.used == 0 then return end
  buckets_less(m, units)
  counter_set(m, now)
  buckets_write(m, now, least)
end

algorithms[3] = { look = counter_look, wait = counter_wait, take = counter_take, refund = counter_refund }
