-- Writes the birth of each tag that has none, or has another server's. See mint.lua.
local now = ARGV[1]
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
for _, birth in ipairs(KEYS) do
  local written_on = string.match(redis.call('GET', birth) or '', '^(%x+) %d+$')
  if written_on ~= server then
    redis.call('SET', birth, server .. ' ' .. now)
  end
end
