-- One call of one process about one operation of one user: what happened to its permits, and perhaps a request for a
-- new one. All times are the server's, in milliseconds. A process says how long ago something was, never when.
local out = KEYS[1] -- permits of requests under way; the score is the end of their lease
local back = KEYS[2] -- permits of finished requests; the score is their return
local promised = KEYS[3] -- permits reserved for a process; the score is the time from which it may ask for them
local state = KEYS[4] -- server, closed; began, asked, overridden of a pause; count

-- Others may have written anything there. What has another type is deleted, and what isn't a number doesn't count.
for key, kind in pairs({ [out] = 'zset', [back] = 'zset', [promised] = 'zset', [state] = 'hash' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    redis.call('DEL', key)
  end
end

local function get(field)
  local value = tonumber(redis.call('HGET', state, field) or nil)
  return value and value >= 0 and value < 2 ^ 53 and math.floor(value) or nil
end

local call = cjson.decode(ARGV[1])
local window, lease, step = call.window, call.lease, call.step
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Takes a permit back. A permit that was promised for later stays taken until then.
local function give_back(id)
  local from = tonumber(redis.call('ZSCORE', promised, id) or nil)
  redis.call('ZREM', out, id)
  redis.call('ZREM', promised, id)
  if from and from > now then
    local count = (get('count') or 0) % 1e9 + 1
    redis.call('HSET', state, 'count', count)
    redis.call('ZADD', back, from, 'unused-' .. count)
    redis.call('PEXPIRE', back, window + lease)
  end
end

-- This is another server than last time, or it has lost its keys: it may not know all permits that are out. It gives
-- none for a window. By then, all finished ones have come back, and processes have named those under way again.
local info = redis.call('INFO', 'server')
local server = string.match(info, 'run_id:(%w+)') or 'unknown'
local before = redis.call('HGET', state, 'server')
local closed = get('closed') or 0
if before ~= server then
  if before or call.known then
    closed = now + window
  else
    -- Only requests before its start can be unknown. It counts in whole seconds.
    local up = tonumber(string.match(info, 'uptime_in_seconds:(%d+)')) or 0
    closed = math.max(closed, now + window - (up - 1) * 1000)
  end
  redis.call('HSET', state, 'server', server)
end
-- If the server's clock was set back, nothing is kept for longer than usual.
closed = math.min(closed, now + window)
redis.call('HSET', state, 'closed', closed)
for key, longest in pairs({ [out] = lease, [back] = window + 1, [promised] = window + 1 }) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now + longest, '+inf')) do
    redis.call('ZADD', key, now + longest, id)
  end
end

for _, finished in ipairs(call.finished) do
  local id, age, sent = finished[1], finished[2], finished[3]
  give_back(id)
  -- A millisecond more: both times were cut to whole ones.
  local returns = now - age + window + 1
  if sent and returns > now then
    redis.call('ZADD', back, returns, id)
  end
end
for _, id in ipairs(call.live) do
  redis.call('ZADD', out, now + lease, id)
end
redis.call('ZREMRANGEBYSCORE', out, '-inf', now)
redis.call('ZREMRANGEBYSCORE', back, '-inf', now)
redis.call('ZREMRANGEBYSCORE', promised, '-inf', now - step)

-- No pause is kept for longer than a day, even if Canva asks for more.
local DAY = 86400000
local began, asked = get('began'), math.min(get('asked') or 0, DAY)
if began and began > now then
  began = now
  redis.call('HSET', state, 'began', began)
end
if call.pause then
  local new, longest = now - call.pause[1], math.min(call.pause[2], DAY)
  -- The pause that ends last holds. After a request that was sent in spite of it, Canva's next answer counts, even if
  -- that is shorter.
  local overridden = math.min(get('overridden') or 0, now)
  if not began or overridden > 0 and new >= overridden or began + asked <= new + longest then
    began, asked = new, longest
    redis.call('HSET', state, 'began', began, 'asked', asked, 'overridden', 0)
  end
end

local keep = window + lease
for _, key in ipairs({ out, back, promised }) do
  redis.call('PEXPIRE', key, keep)
end
if began then
  keep = math.max(keep, began + asked - now)
end
redis.call('PEXPIRE', state, keep)

local take = call.take
if not take then
  return {}
end

local GRANTED, PROMISED, OUT, CLOSED, PAUSED = 0, 1, 2, 3, 4

local function free()
  return take.limit - redis.call('ZCARD', out) - redis.call('ZCARD', back) - redis.call('ZCARD', promised)
end

-- Promises the permit that comes back first, and returns the time until then. The process doesn't ask again before.
local function promise(id)
  local first = redis.call('ZPOPMIN', back)
  if #first == 0 then
    return nil
  end
  redis.call('ZADD', promised, first[2], id)
  redis.call('PEXPIRE', promised, window + lease)
  return math.max(0, first[2] - now)
end

give_back(take.id)
give_back(take.next)
if began and math.min(asked, take.max_wait) > now - began then
  return { PAUSED, asked, now - began }
end
if take.limit >= 0 then
  if closed > now then
    return { CLOSED, closed - now }
  end
  if free() <= 0 then
    local wait = promise(take.id)
    return wait and { PROMISED, wait } or { OUT }
  end
  redis.call('ZADD', out, now + lease, take.id)
  redis.call('PEXPIRE', out, window + lease)
end
if began then
  redis.call('HSET', state, 'overridden', now)
end
if not take.more then
  return { GRANTED }
end
-- The same call reserves a permit for the process's next request. If other processes wait too, all take turns, however
-- near the server they are.
if free() > 0 then
  if redis.call('ZCARD', promised) == 0 then
    return { GRANTED }
  end
  redis.call('ZADD', promised, now + call.turn, take.next)
  return { GRANTED, call.turn }
end
return { GRANTED, promise(take.next) }
