-- What the fixed window and the sliding window counter share: counts of windows that are aligned to the epoch.
--
-- A string of 18 bytes, little-endian: 6 when the newest was admitted, 6 the count of the window that lies in, 6 that of
-- the window before.

local function buckets_look(m, now)
  local window = m.window
  local state = redis.call('GET', m.key)
  m.current, m.previous = 0, 0
  if state then
    local newest, current, previous = struct.unpack('<I6I6I6', state)
    if newest > now + window + CLOCK_TOLERANCE then
      m.broken = true
    else
      if newest > now then m.at = newest end
      local gone = math.floor(m.at / window) - math.floor(newest / window)
      if gone == 0 then m.current, m.previous = current, previous end
      if gone == 1 then m.previous = current end
    end
  end
  m.elapsed = m.at % window
end

local function buckets_write(m, now, least)
  local state = struct.pack('<I6I6I6', m.at, m.current, m.previous)
  redis.call('SET', m.key, state, 'PX', math.max(m.reset, least, 1))
end

-- What is given back comes off the present window first.
local function buckets_less(m, units)
  local now = math.min(units, m.current)
  m.current = m.current - now
  m.previous = math.max(0, m.previous - (units - now))
end
