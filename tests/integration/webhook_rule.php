<?php
// Tiki's rule for webhooks as it is documented, in a few lines of our own, to compare tikisync's verdicts with PHP's.
// Handlers come as JSON from the file that HANDLERS names; the answer is the id of the one that wins, or null.
// With AS_TIKI set, its status is Tiki's: 200, or 403 where none does.

$body = file_get_contents('php://input');
$sent = getallheaders();

$computed = fn(array $handler): string => match ($handler['verification']) {
    'hmac' => hash_hmac('sha256', $body, $handler['secret']),
    'base64 hmac' => base64_encode(hash_hmac('sha256', $body, $handler['secret'], true)),
    default => '',
};
$verifies = function (array $handler) use ($sent, $computed): bool {
    $signature = $sent[$handler['signature_header']] ?? '';
    return !empty($signature) && $signature === $computed($handler);
};

$winners = array_filter(json_decode(file_get_contents(getenv('HANDLERS')), true), $verifies);
http_response_code(getenv('AS_TIKI') && !$winners ? 403 : 200);
echo json_encode(array_values($winners)[0]['handler_id'] ?? null);
