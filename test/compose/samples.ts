/** Projects in the manner of those that people have: a Compose file, and the files beside it. All run on the example image. */

export type Sample = {
  readonly name: string
  readonly compose: string
  /** by path; `compose.yaml` is not among them */
  readonly files?: Readonly<Record<string, string>>
  /** docker-compose 1.29 connects to further networks, and joins others, only when it starts a container */
  readonly isStarted?: true
}

const image = 'image: longshore/example:1'

/** One service, of which some lines are given. */
const service = (name: string, lines: string, rest = '', files: Readonly<Record<string, string>> = {}): Sample => ({
  name,
  compose: `services:\n  web:\n    ${image}\n${lines.replaceAll(/^/gm, '    ')}\n${rest}`,
  files,
})

const services = (
  name: string,
  body: Readonly<Record<string, string>>,
  rest = '',
  files: Readonly<Record<string, string>> = {},
): Sample => ({
  name,
  compose: `services:\n${Object.entries(body)
    .map(([key, lines]) => `  ${key}:\n    ${image}\n${lines.replaceAll(/^/gm, '    ')}`)
    .join('\n')}\n${rest}`,
  files,
})

export const samples: readonly Sample[] = [
  service('plain', 'tty: false'),
  service('command-text', 'command: sh -c "echo a b"'),
  service('command-list', 'command: ["sh", "-c", "sleep 1"]'),
  service('entrypoint', 'entrypoint: /bin/sh -c\ncommand: ["true"]'),
  service('environment-map', 'environment: {A: "1", B: two, EMPTY: ""}'),
  service('environment-list', 'environment: ["A=1", "B=x=y"]'),
  service('env-file', 'env_file: [a.env, b.env]\nenvironment: {C: "3"}', '', {
    'a.env': 'A=1\nB=1\n',
    'b.env': 'B=2\n',
  }),
  service('ports', 'ports: ["18081:80", "127.0.0.1:18082:81/udp", "82"]'),
  service('ports-long', 'ports: [{target: 80, published: 18083, protocol: tcp}]'),
  service('ports-range', 'ports: ["18090-18092:90-92"]'),
  service('expose', 'expose: ["3000", "53/udp"]'),
  service('volume-named', 'volumes: ["data:/data", "logs:/logs:ro"]', 'volumes: {data: {}, logs: {}}'),
  service(
    'volume-options',
    'volumes: ["ram:/ram"]',
    'volumes: {ram: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}',
  ),
  service('bind-absolute', 'volumes: ["/etc/hostname:/host-name:ro", "/tmp:/host-tmp"]'),
  service('bind-relative', 'volumes: ["./conf:/conf:ro", "./data:/data", "./one.conf:/etc/one.conf:ro"]', '', {
    'conf/a': '1',
    'data/b': '2',
    'one.conf': '3',
  }),
  service('bind-long', 'volumes: [{type: bind, source: /tmp, target: /x, read_only: true}]'),
  service('tmpfs', 'tmpfs: ["/run", "/cache:size=1m,mode=1777"]'),
  service('tmpfs-long', 'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1048576}}]'),
  service('limits', 'mem_limit: 64m\nmem_reservation: 32m\ncpus: 0.5\npids_limit: 100\ncpu_shares: 512'),
  service('limits-deploy', 'deploy: {resources: {limits: {cpus: "0.25", memory: 48M}}}'),
  service('cpuset', 'cpuset: "0"\ncpu_quota: 50000\ncpu_period: 100000'),
  service('shm', 'shm_size: 32m\ninit: true'),
  service(
    'hardened',
    'read_only: true\ncap_drop: [ALL]\ncap_add: [NET_BIND_SERVICE]\nsecurity_opt: ["no-new-privileges:true"]\nuser: "1000:1000"',
  ),
  service('identity', 'hostname: box\ndomainname: plant.example\nworking_dir: /tmp\nuser: root'),
  service('stop', 'stop_signal: SIGINT\nstop_grace_period: 3s'),
  service(
    'healthcheck',
    'healthcheck: {test: ["CMD", "true"], interval: 5s, timeout: 2s, retries: 4, start_period: 3s}',
  ),
  service('healthcheck-text', 'healthcheck: {test: "true || exit 1", interval: 1m30s}'),
  service('healthcheck-off', 'healthcheck: {disable: true}'),
  service('labels', 'labels: {com.example.a: "1", com.example.b: two}'),
  service('logging', 'logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}'),
  service('restart-always', 'restart: always'),
  service('restart-on-failure', 'restart: on-failure:3'),
  service('interactive', 'tty: true\nstdin_open: true'),
  service(
    'hosts',
    'extra_hosts: ["a.example:10.0.0.1", "b.example:10.0.0.2"]\ndns: [9.9.9.9]\ndns_search: [example.com]\ndns_opt: ["ndots:1"]',
  ),
  service('sysctls', 'sysctls: {net.core.somaxconn: 1024}\nulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 512}'),
  service('groups', 'group_add: ["20", "44"]\noom_score_adj: 100'),
  service('devices', 'devices: ["/dev/null:/dev/plc:rw"]\ndevice_cgroup_rules: ["c 188:* rw"]'),
  service('host-network', 'network_mode: host\npid: host\nipc: host'),
  service('no-network', 'network_mode: none'),
  service('named', 'container_name: longshore-sample-named'),
  {
    ...service(
      'aliases',
      'networks: {front: {aliases: [www, home]}, back: {}}',
      'networks: {front: {}, back: {internal: true}}',
    ),
    isStarted: true,
  },
  service(
    'address',
    'networks: {plant: {ipv4_address: 10.213.7.5}}',
    'networks: {plant: {ipam: {config: [{subnet: 10.213.7.0/24, gateway: 10.213.7.1}]}}}',
  ),
  {
    ...services('shared-network', {
      vpn: 'cap_add: [NET_ADMIN]\ncommand: sleep 60\nstop_signal: SIGKILL',
      app: 'network_mode: service:vpn',
    }),
    isStarted: true,
  },
  services('depends', { web: 'depends_on: [db]', db: 'volumes: ["db:/var/lib/db"]' }, 'volumes: {db: {}}'),
  services(
    'mosquitto-telegraf',
    {
      mosquitto:
        'container_name: longshore-sample-mosquitto\nrestart: unless-stopped\nuser: "1883"\nports: ["18183:1883"]\nvolumes: ["./mosquitto.conf:/mosquitto/config/mosquitto.conf:ro", "broker:/mosquitto/data"]',
      telegraf:
        'restart: unless-stopped\ndepends_on: [mosquitto]\nvolumes: ["./telegraf.conf:/etc/telegraf/telegraf.conf:ro"]\nenvironment: [HOST_PROC=/host/proc]',
      influxdb: 'restart: unless-stopped\nports: ["18186:8086"]\nvolumes: ["influx:/var/lib/influxdb"]',
    },
    'volumes: {broker: {}, influx: {}}',
    { 'mosquitto.conf': 'listener 1883\n', 'telegraf.conf': '[agent]\n' },
  ),
  services(
    'edgex-like',
    {
      database:
        'container_name: longshore-sample-database\nhostname: edgex-database\nnetworks: {edgex-network: {}}\nread_only: true\nrestart: always\nsecurity_opt: ["no-new-privileges:true"]\ntmpfs: [/run]\nuser: root:root\nvolumes: [{type: volume, source: db-data, target: /data}]',
      core: 'container_name: longshore-sample-core\nhostname: edgex-core\ndepends_on: [database]\nenvironment: {EDGEX_SECURITY_SECRET_STORE: "false", SERVICE_HOST: edgex-core}\nnetworks: {edgex-network: {}}\nports: ["127.0.0.1:15988:59880"]\nread_only: true\nrestart: always\nsecurity_opt: ["no-new-privileges:true"]\nuser: 2002:2001',
    },
    'networks: {edgex-network: {driver: bridge}}\nvolumes: {db-data: {}}',
  ),
]
