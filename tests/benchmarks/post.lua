-- Given to wrk: posts one body over and over, each time with a delivery id of its own, and prints figures as JSON.
-- Arguments: the file with the body, then names and values of headers in turn.

local before, after
local sent = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local headers = { ["X-Delivery-Id"] = "<id>" }
  for at = 2, #args, 2 do
    headers[args[at]] = args[at + 1]
  end
  local request = wrk.format("POST", nil, headers, file:read("*a"))
  file:close()
  local from, to = request:find("<id>", 1, true)
  math.randomseed(tonumber(tostring({}):match("0x(%x+)"), 16) % 2 ^ 31 + os.time())
  before, after = request:sub(1, from - 1) .. math.random(2 ^ 31) .. "-", request:sub(to + 1)
end

function request()
  sent = sent + 1
  return before .. sent .. after
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
