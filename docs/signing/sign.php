<?php
// Signs calls between Chejiajia and Tongli. Copy lease_sign(); the rest is for tests.

/**
 * @param array  $query list of decoded [name, value]
 * @param string $body  the bytes as sent
 * @return string lower-case hex
 */
function lease_sign(string $secret, string $method, string $path, array $query, string $body): string
{
    $pairs = [];
    foreach ($query as [$name, $value]) {
        if ($name !== 'sign') {
            $pairs[] = [rawurlencode($name), rawurlencode($value)]; // not urlencode: a space is %20
        }
    }
    usort($pairs, fn($a, $b) => strcmp($a[0], $b[0]) ?: strcmp($a[1], $b[1]));
    $canonical = implode('&', array_map(fn($p) => "$p[0]=$p[1]", $pairs));
    return hash_hmac('sha256', "$method\n$path\n$canonical\n$body", $secret);
}

// One case a line, see README.md.
if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    while (($line = fgets(STDIN)) !== false) {
        $fields = explode("\t", rtrim($line, "\n"));
        [$secret, $method, $path, $body] = $fields;
        $texts = array_map('hex2bin', array_slice($fields, 4));
        echo lease_sign(hex2bin($secret), $method, $path, $texts ? array_chunk($texts, 2) : [], hex2bin($body)), "\n";
    }
}
