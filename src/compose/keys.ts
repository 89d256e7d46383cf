/**
 * Every key of the Compose specification, level by level: read, or refused with what to do instead. The reader, the
 * check on the device and docs/compose.md all come from this table; a key that is not in it is unknown.
 */
export type Rule = { readonly supported: true; readonly note?: string } | string

const yes = { supported: true } as const
const readWith = <Note extends string>(note: Note) => ({ supported: true, note }) as const
const later = 'it comes in a later version; remove it for now'
const swarm = 'it has a meaning in Swarm only; remove it'
/** Also what is said of `type: image`. */
export const imageMount = 'copy what it holds into the image of the service'
const windows = 'it is for Windows containers; remove it'

/** `at` is the path of a level in the model, `*` being any name or index. A text is the advice for a refused key. */
export const levels = {
  top: {
    at: '',
    title: 'Top level',
    keys: {
      name: readWith('the app given on the command line wins'),
      version: readWith('obsolete; ignored with a note'),
      services: yes,
      networks: yes,
      volumes: yes,
      'x-longshore': readWith('what Compose lacks, see below'),
      configs: yes,
      secrets: readWith('their values travel apart from the release, encrypted for the device'),
      include: readWith('read when deploying; becomes part of the file'),
      models: 'run the model as a service with an image of its own',
    },
  },
  service: {
    at: 'services.*',
    title: 'A service',
    keys: {
      image: yes,
      command: yes,
      entrypoint: yes,
      environment: yes,
      env_file: readWith('read when deploying and merged under `environment`'),
      ports: yes,
      expose: yes,
      volumes: yes,
      networks: yes,
      network_mode: readWith('`bridge`, `host`, `none`, `service:NAME`'),
      depends_on: yes,
      healthcheck: yes,
      restart: readWith('absent means `unless-stopped`'),
      labels: yes,
      container_name: yes,
      user: yes,
      working_dir: yes,
      hostname: yes,
      stop_signal: yes,
      stop_grace_period: yes,
      init: yes,
      tty: yes,
      stdin_open: yes,
      read_only: yes,
      tmpfs: yes,
      shm_size: yes,
      cap_add: yes,
      cap_drop: yes,
      security_opt: yes,
      mem_limit: yes,
      cpus: yes,
      pids_limit: yes,
      deploy: yes,
      logging: yes,
      pull_policy: readWith('`always`, `missing` (or `if_not_present`), `never`'),
      annotations: 'use labels',
      attach: 'it is for docker compose up in a terminal; remove it',
      blkio_config: later,
      build: 'build and push the image, then name it with image:',
      cgroup: later,
      cgroup_parent: later,
      configs: yes,
      cpu_count: windows,
      cpu_percent: windows,
      cpu_period: 'use cpus',
      cpu_quota: 'use cpus',
      cpu_rt_period: later,
      cpu_rt_runtime: later,
      cpu_shares: later,
      cpuset: later,
      credential_spec: windows,
      develop: 'it is for docker compose watch; remove it',
      device_cgroup_rules: later,
      devices: later,
      dns: later,
      dns_opt: later,
      dns_search: later,
      domainname: 'write it into hostname',
      extends: readWith('read when deploying; becomes part of the service'),
      external_links: 'put both services on one network',
      extra_hosts: later,
      gpus: later,
      group_add: later,
      ipc: later,
      isolation: windows,
      label_file: 'write the labels under labels',
      links: 'remove it; services on one network reach each other by name',
      mac_address: later,
      mem_reservation: later,
      mem_swappiness: later,
      memswap_limit: later,
      models: 'run the model as a service with an image of its own',
      oom_kill_disable: later,
      oom_score_adj: later,
      pid: later,
      platform: 'name an image that has the platform of the device',
      post_start: 'start the program in the entrypoint of the image',
      pre_stop: 'let the program handle stop_signal',
      privileged: 'name the capabilities it needs with cap_add',
      profiles: readWith('read when deploying; `--profile NAME` chooses'),
      provider: 'run it as a service with an image',
      pull_refresh_after: 'use pull_policy: always',
      runtime: later,
      scale: readWith('becomes `deploy.replicas`'),
      secrets: yes,
      'x-longshore': readWith('what Compose lacks, see below'),
      storage_opt: later,
      sysctls: later,
      ulimits: later,
      use_api_socket: 'remove it',
      userns_mode: later,
      uts: later,
      volumes_from: 'name the volumes under volumes',
    },
  },
  network: {
    at: 'networks.*',
    title: 'A network',
    keys: {
      name: yes,
      labels: yes,
      attachable: readWith('has a meaning in Swarm only; ignored with a note'),
      driver: yes,
      driver_opts: yes,
      enable_ipv4: readWith('`false` needs an engine with API 1.47 (Docker 28)'),
      enable_ipv6: yes,
      external: readWith('it must be on the device; an app waits for it'),
      internal: yes,
      ipam: yes,
    },
  },
  ipam: {
    at: 'networks.*.ipam',
    title: '`ipam` of a network',
    keys: { driver: yes, config: yes, options: yes },
  },
  pool: {
    at: 'networks.*.ipam.config.*',
    title: '`ipam.config` of a network',
    keys: { subnet: yes, ip_range: yes, gateway: yes, aux_addresses: yes },
  },
  volume: {
    at: 'volumes.*',
    title: 'A volume',
    keys: {
      name: yes,
      labels: yes,
      driver: yes,
      driver_opts: yes,
      external: readWith('it must be on the device; an app waits for it'),
    },
  },
  port: {
    at: 'services.*.ports.*',
    title: 'A port in long form',
    keys: {
      target: yes,
      published: readWith('of a range for one target, the engine takes a free one'),
      protocol: yes,
      host_ip: yes,
      mode: readWith('has a meaning in Swarm only; ignored with a note'),
      app_protocol: readWith('ignored with a note'),
      name: readWith('ignored with a note'),
    },
  },
  mount: {
    at: 'services.*.volumes.*',
    title: 'A volume of a service in long form',
    keys: {
      type: readWith('`volume`, `bind`, `tmpfs`'),
      source: readWith('absent at `type: volume`: a volume that the engine names'),
      target: yes,
      read_only: yes,
      bind: yes,
      volume: yes,
      tmpfs: yes,
      consistency: readWith('has a meaning on macOS only; ignored with a note'),
      'x-longshore': readWith('what Compose lacks, see below'),
      image: imageMount,
    },
  },
  mountBind: {
    at: 'services.*.volumes.*.bind',
    title: '`bind` of such a volume',
    keys: {
      propagation: yes,
      create_host_path: readWith('absent means true'),
      selinux: readWith('not done; a note says so'),
      recursive: readWith('`enabled`, or absent'),
    },
  },
  mountVolume: {
    at: 'services.*.volumes.*.volume',
    title: '`volume` of such a volume',
    keys: {
      nocopy: yes,
      labels: readWith('ignored with a note: write them under `volumes` at top level'),
      subpath: readWith('needs an engine with API 1.45 (Docker 26); an older one refuses the container'),
    },
  },
  mountTmpfs: {
    at: 'services.*.volumes.*.tmpfs',
    title: '`tmpfs` of such a volume',
    keys: { size: yes, mode: yes },
  },
  attachment: {
    at: 'services.*.networks.*',
    title: 'A network of a service',
    keys: {
      aliases: yes,
      driver_opts: yes,
      gw_priority: 'older engines cannot do it; use priority, or leave one network that is not internal',
      interface_name: 'older engines cannot do it; let the program find its interface by its address',
      ipv4_address: readWith('in a subnet that the network defines'),
      ipv6_address: readWith('in a subnet that the network defines'),
      link_local_ips: yes,
      mac_address: readWith('on more than the first network it needs an engine with API 1.44 (Docker 25)'),
      priority: readWith('the highest comes first; among equals the first by name'),
    },
  },
  dependency: {
    at: 'services.*.depends_on.*',
    title: '`depends_on` in long form',
    keys: { condition: yes, restart: yes, required: yes },
  },
  healthcheck: {
    at: 'services.*.healthcheck',
    title: '`healthcheck`',
    keys: {
      test: yes,
      disable: readWith('becomes `test: ["NONE"]`'),
      interval: yes,
      timeout: yes,
      start_period: yes,
      retries: yes,
      start_interval: readWith('left out by engines before API 1.44 (Docker 25)'),
    },
  },
  envFile: {
    at: 'services.*.env_file.*',
    title: '`env_file` in long form',
    keys: { path: yes, required: yes, format: readWith('`raw`, or absent') },
  },
  logging: {
    at: 'services.*.logging',
    title: '`logging`',
    keys: { driver: yes, options: yes },
  },
  deploy: {
    at: 'services.*.deploy',
    title: '`deploy`',
    keys: {
      resources: yes,
      update_config: yes,
      endpoint_mode: swarm,
      labels: 'write them under labels of the service',
      mode: readWith('`replicated`; `global` is one container; `replicated-job` and `global-job` are jobs'),
      placement: later,
      replicas: readWith('containers of the service on each device'),
      restart_policy: 'use restart',
      rollback_config: later,
    },
  },
  resources: {
    at: 'services.*.deploy.resources',
    title: '`deploy.resources`',
    keys: { limits: yes, reservations: later },
  },
  limits: {
    at: 'services.*.deploy.resources.limits',
    title: '`deploy.resources.limits`',
    keys: { cpus: yes, memory: yes, pids: yes },
  },
  updateConfig: {
    at: 'services.*.deploy.update_config',
    title: '`deploy.update_config`',
    keys: {
      monitor: yes,
      delay: later,
      failure_action: later,
      max_failure_ratio: swarm,
      order: later,
      parallelism: later,
    },
  },
  config: {
    at: 'configs.*',
    title: 'A config',
    keys: {
      file: readWith('a file in the project folder; it travels with the release'),
      content: yes,
      environment: readWith('the variable is read when deploying'),
      name: readWith('a config is known by its key; ignored with a note'),
      labels: readWith('have a meaning in Swarm only; ignored with a note'),
      template_driver: 'write the file as it is to be',
      external: 'no engine but Swarm keeps configs: write file, content or environment',
    },
  },
  secret: {
    at: 'secrets.*',
    title: 'A secret',
    keys: {
      file: readWith('read when deploying, and sent encrypted'),
      environment: readWith('the variable is read when deploying, and sent encrypted'),
      external: readWith('one that was set with `longshore secret set`'),
      name: readWith('the name that it was set under; absent: its key'),
      labels: readWith('have a meaning in Swarm only; ignored with a note'),
      driver: swarm,
      driver_opts: swarm,
      template_driver: swarm,
    },
  },
  attachedConfig: {
    at: 'services.*.configs.*',
    title: 'A config of a service in long form',
    keys: { source: yes, target: readWith('absent: `/` and the source'), uid: yes, gid: yes, mode: yes },
  },
  attachedSecret: {
    at: 'services.*.secrets.*',
    title: 'A secret of a service in long form',
    keys: { source: yes, target: readWith('absent: the source; under `/run/secrets`'), uid: yes, gid: yes, mode: yes },
  },
  longshore: { at: 'x-longshore', title: '`x-longshore`', keys: { update: yes, files: yes } },
  longshoreService: {
    at: 'services.*.x-longshore',
    title: '`x-longshore` of a service',
    keys: {
      secretEnv: readWith('variables with the value of a secret'),
      secretEnvFiles: readWith('environment files that travel as secrets and stand at `/run/secrets/NAME.env`'),
    },
  },
  longshoreMount: {
    at: 'services.*.volumes.*.x-longshore',
    title: '`x-longshore` of a volume of a service',
    keys: { seed: readWith('`false`: what is in the folder stays here, and it begins empty on the device') },
  },
  longshoreUpdate: { at: 'x-longshore.update', title: '`x-longshore.update`', keys: { deadline: yes } },
} as const satisfies Record<string, { at: string; title: string; keys: Record<string, Rule> }>

export type Level = keyof typeof levels

/** The keys of a level that are read; a table of readers over them is complete by type. */
export type SupportedKey<L extends Level> = {
  [K in keyof (typeof levels)[L]['keys']]: (typeof levels)[L]['keys'][K] extends string ? never : K
}[keyof (typeof levels)[L]['keys']] &
  string

export const rulesOf = (level: Level): Readonly<Record<string, Rule>> => levels[level].keys

export const ruleOf = (level: Level, key: string): Rule | undefined =>
  Object.hasOwn(rulesOf(level), key) ? rulesOf(level)[key] : undefined

/** Our own extension has its places, and no others inside it. */
export const isExtension = (level: Level, key: string): boolean =>
  key.startsWith('x-') && key !== 'x-longshore' && !level.startsWith('longshore')

/** The level whose keys stand at this path of a model. */
export const levelAt = (path: readonly PropertyKey[]): Level | undefined =>
  (Object.keys(levels) as Level[]).find((level) => {
    const steps = levels[level].at === '' ? [] : levels[level].at.split('.')
    return steps.length === path.length && steps.every((step, index) => step === '*' || step === path[index])
  })
