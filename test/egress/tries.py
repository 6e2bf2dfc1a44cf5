"""Tries ways out, each for real: a JSON list of tries on stdin, and a JSON list of what came of them on stdout, in
the same order: a text when something answered, null when nothing did. Runs in a session, and where nothing is
filtered, to see that the same targets do answer."""
import json, os, re, socket, ssl, struct, sys
from concurrent.futures import ThreadPoolExecutor

# Seconds; machines may be busy, and what is late must not pass for closed.
PATIENCE = 6


def through(s, sni, plain, host):
    """One request inside of a connection. What answers says `reached`."""
    if not plain:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s = context.wrap_socket(s, server_hostname=sni)
    s.sendall(f'GET /who HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n'.encode())
    return everything(s)


def everything(s):
    said = b''
    try:
        while more := s.recv(65536):
            said += more
            if len(said) > 1 << 20:
                break
    except OSError:
        pass
    return said.decode('latin1')


def proxy(t):
    at = t.get('at')
    if at is None:
        at = os.environ['HTTPS_PROXY'].removeprefix('http://').rsplit(':', 1)
    return socket.create_connection((at[0].strip('[]'), int(at[1])), PATIENCE)


def head(s):
    said = b''
    while b'\r\n\r\n' not in said:
        more = s.recv(1)
        if not more:
            break
        said += more
    return said.decode('latin1')


def tcp(t):
    s = socket.socket(socket.AF_INET6 if ':' in t['address'] else socket.AF_INET)
    s.settimeout(PATIENCE)
    s.connect(socket.getaddrinfo(t['address'], t['port'], type=socket.SOCK_STREAM)[0][4])
    return 'connected'


def tls(t):
    s = socket.create_connection((t['address'], t['port']), PATIENCE)
    return reached(through(s, t.get('sni'), t.get('plain', False), t.get('host', t.get('sni'))))


def reached(said):
    return said if 'reached' in said else None


def connect(t):
    with proxy(t) as s:
        s.sendall(f"CONNECT {t['to']} HTTP/1.1\r\nHost: {t['to']}\r\n\r\n".encode('latin1'))
        answer = head(s)
        if ' 200 ' not in answer.split('\r\n')[0]:
            return None
        return reached(through(s, t.get('sni'), t.get('plain', False), t.get('sni') or 'x'))


def consent(t):
    """Whether the proxy says that it opens a tunnel, whatever is at its other end."""
    with proxy(t) as s:
        s.sendall(f"CONNECT {t['to']} HTTP/1.1\r\nHost: {t['to']}\r\n\r\n".encode('latin1'))
        answer = head(s)
        return answer if re.match(r'HTTP/1\.[01] 2', answer) else None


def raw(t):
    with proxy(t) as s:
        s.sendall(t['bytes'].encode('latin1'))
        if 'then' in t:
            # Behind the whole of the first answer.
            length = re.search(r'(?mi)^content-length: *([0-9]+)', head(s))
            for _ in range(int(length[1]) if length else 0):
                s.recv(1)
            s.sendall(t['then'].encode('latin1'))
        said = everything(s)
        return said if any(word in said for word in t['expect']) else None


def question(name):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.') if label)
    return struct.pack('>6H', 4711, 0x0100, 1, 0, 0, 0) + labels + b'\0' + struct.pack('>2H', 1, 1)


def nameserver():
    with open('/etc/resolv.conf') as file:
        return next(line.split()[1] for line in file if line.startswith('nameserver'))


def udp(t):
    address = t.get('address') or nameserver()
    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE)
    s.sendto(question(t['name']), (address, t.get('port', 53)))
    return f'answered {len(s.recv(4096))} bytes'


def tcp_dns(t):
    asked = question(t['name'])
    s = socket.create_connection((t.get('address') or nameserver(), 53), PATIENCE)
    s.sendall(struct.pack('>H', len(asked)) + asked)
    return f'answered {len(s.recv(4096))} bytes' if s.recv(2) else None


def resolve(t):
    return str(socket.getaddrinfo(t['name'], 443)[0][4])


def icmp(t):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError:
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(PATIENCE)
    s.sendto(struct.pack('>BBHHH', 8, 0, 0xF7FF, 0, 0), (t['address'], 0))
    return f'answered {len(s.recv(4096))} bytes'


def attempt(t):
    try:
        return globals()[t['kind']](t)
    except Exception as error:
        if os.environ.get('TRIES_WHY'):
            print(t, repr(error), file=sys.stderr)
        return None


socket.setdefaulttimeout(PATIENCE)
tries = json.load(sys.stdin)
with ThreadPoolExecutor(100) as pool:
    json.dump(list(pool.map(attempt, tries)), sys.stdout)
