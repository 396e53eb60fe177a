-- GCRA: a token bucket as the time at which it will be full again (gcra.cpp has the essay).
--
-- A string of 20 bytes, little-endian: 6 when the newest was admitted, 4 the limit, 6 + 4 that time as whole
-- milliseconds and a numerator over the limit. A state that was written under another limit is taken over.

local FURTHEST = 366 * 24 * 3600 * 1000  -- ms, as kFurthest

local function gcra_set(m, tat, fraction, now)
  m.tat, m.fraction = tat, fraction
  local quotient, remainder = muldiv(m.rate, tat - m.at, m.window)
  m.used = quotient + math.ceil((remainder + fraction) / m.window)
  m.reset = m.used > 0 and tat + (fraction > 0 and 1 or 0) - now or 0
end

local function gcra_look(m, now)
  local state = redis.call('GET', m.key)
  m.tat, m.fraction = now, 0
  if not state then return end
  local newest, limit, tat, fraction = struct.unpack('<I6I4I6I4', state)
  if newest > now + m.window + CLOCK_TOLERANCE then
    m.broken = true
    return
  end
  if newest > now then m.at = newest end
  if limit ~= m.rate then
    fraction = muldiv_up(fraction, m.rate, limit)
    if fraction == m.rate then tat, fraction = tat + 1, 0 end
  end
  if tat < m.at then tat, fraction = m.at, 0 end
  gcra_set(m, tat, fraction, now)
end

-- That time after `cost` more.
local function gcra_after(m, cost)
  local whole, part = muldiv(cost, m.window, m.rate)
  local fraction = m.fraction + part
  if fraction >= m.rate then return m.tat + whole + 1, fraction - m.rate end
  return m.tat + whole, fraction
end

local function gcra_wait(m, limit, capacity, cost, now)
  if cost > capacity then return NEVER end
  if cost == 0 then return 0 end
  local tat, fraction = gcra_after(m, cost)
  local whole, part = muldiv(capacity, m.window, m.rate)
  local over = tat - m.at - whole + (fraction > part and 1 or 0)
  if over <= 0 then return 0 end
  return over + m.at - now
end

local function gcra_write(m, newest, now, least)
  local state = struct.pack('<I6I4I6I4', newest, m.rate, m.tat, m.fraction)
  redis.call('SET', m.key, state, 'PX', math.max(m.reset, least, 1))
end

local function gcra_take(m, cost, now, least)
  local tat, fraction = gcra_after(m, cost)
  if tat > m.at + FURTHEST then tat, fraction = m.at + FURTHEST, 0 end
  gcra_set(m, tat, fraction, now)
  gcra_write(m, m.at, now, least)
end

local function gcra_refund(m, units, now, least)
  if m.used == 0 then return end
  local whole, part = muldiv(units, m.window, m.rate)
  local tat, fraction = m.tat - whole, m.fraction - part
  if fraction < 0 then tat, fraction = tat - 1, fraction + m.rate end
  if tat < m.at then tat, fraction = m.at, 0 end
  gcra_set(m, tat, fraction, now)
  gcra_write(m, m.at, now, least)
end

algorithms[4] = { look = gcra_look, wait = gcra_wait, take = gcra_take, refund = gcra_refund }
