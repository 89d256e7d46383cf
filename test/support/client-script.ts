/**
 * A client in the network of an app: it resolves the name for each request and tries the addresses one after another, as
 * what uses getaddrinfo does (curl, Go, Python, Node). It prints a line `good` or `bad` a request.
 */
export const clientScript = (service: string): string => `while :; do
  result=bad
  for address in $(nslookup ${service} 127.0.0.11 | awk '/^Address/ && $NF !~ /127.0.0.11/ {print $NF}'); do
    if printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 "$address" 8080 | grep -q Hello; then result=good; break; fi
  done
  echo $result
  sleep 0.02
done`
