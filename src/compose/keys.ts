/**
 * Every key of the Compose specification, level by level: read, noted, or refused with what to do instead. The reader, the
 * check on the device and docs/compose.md all come from this table; a key that is not in it is unknown.
 */
/** `isNoted`: taken without effect, which a note says when the file is read. */
export type Rule = { readonly supported: true; readonly note?: string; readonly isNoted?: true } | string

const yes = { supported: true } as const
const readWith = <Note extends string>(note: Note) => ({ supported: true, note }) as const
const noted = <Note extends string>(note: Note) => ({ supported: true, note, isNoted: true }) as const
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
      version: noted('obsolete'),
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
      annotations: readWith('labels as well, because engines before API 1.43 know no annotations'),
      attach: noted('it is for `docker compose up` in a terminal'),
      blkio_config: yes,
      build: noted('only beside `image`; the image is taken as it is in its registry'),
      cgroup: yes,
      cgroup_parent: yes,
      configs: yes,
      cpu_count: windows,
      cpu_percent: windows,
      cpu_period: readWith('microseconds or a duration'),
      cpu_quota: readWith('microseconds or a duration'),
      cpu_rt_period: readWith('microseconds or a duration'),
      cpu_rt_runtime: readWith('microseconds or a duration'),
      cpu_shares: yes,
      cpuset: yes,
      credential_spec: windows,
      develop: noted('it is for `docker compose watch`'),
      device_cgroup_rules: yes,
      devices: readWith('`/dev/x`, `/dev/x:/dev/y:rwm`, long form, or a name of CDI such as `vendor.com/class=name`'),
      dns: yes,
      dns_opt: yes,
      dns_search: yes,
      domainname: yes,
      extends: readWith('read when deploying; becomes part of the service'),
      external_links: 'put both services on one network, or publish a port',
      extra_hosts: yes,
      gpus: readWith('`all`, or a list; asks for the capability `gpu`'),
      group_add: yes,
      ipc: readWith('`none`, `private`, `host`, `shareable`, `service:NAME`'),
      isolation: windows,
      label_file: readWith('read when deploying and merged under `labels`'),
      links: readWith('`SERVICE` or `SERVICE:ALIAS`; every service on their networks sees the alias'),
      mac_address: yes,
      mem_reservation: yes,
      mem_swappiness: yes,
      memswap_limit: readWith('memory and swap together; -1: no limit'),
      models: 'run the model as a service with an image of its own',
      oom_kill_disable: yes,
      oom_score_adj: yes,
      pid: readWith('`host`, `service:NAME`'),
      platform: readWith('an image of another platform is pulled anew'),
      post_start: 'start the program in the entrypoint of the image',
      pre_stop: 'let the program handle stop_signal',
      privileged: readWith('only where the agent runs with `--allow-privileged`'),
      profiles: readWith('read when deploying; `--profile NAME` chooses'),
      provider: 'run it as a service with an image',
      pull_refresh_after: 'use pull_policy: always',
      runtime: yes,
      scale: readWith('becomes `deploy.replicas`'),
      secrets: yes,
      'x-longshore': readWith('what Compose lacks, see below'),
      storage_opt: yes,
      sysctls: yes,
      ulimits: yes,
      use_api_socket: 'mount the socket of the engine as a volume',
      userns_mode: readWith('`host`; Podman also has `keep-id`, `auto` and `nomap`'),
      uts: readWith('`host`'),
      volumes_from: readWith('`SERVICE` or `SERVICE:ro`'),
    },
  },
  network: {
    at: 'networks.*',
    title: 'A network',
    keys: {
      name: yes,
      labels: yes,
      attachable: noted('has a meaning in Swarm only'),
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
      mode: noted('has a meaning in Swarm only'),
      app_protocol: noted('for people to read'),
      name: noted('for people to read'),
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
      consistency: noted('has a meaning on macOS only'),
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
      selinux: noted('no label is set; label the path on the device'),
      recursive: readWith('`enabled`, or absent'),
    },
  },
  mountVolume: {
    at: 'services.*.volumes.*.volume',
    title: '`volume` of such a volume',
    keys: {
      nocopy: yes,
      labels: noted('write them under `volumes` at top level'),
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
      rollback_config: readWith('kept; this version does not roll back by itself'),
      restart_policy: readWith('becomes `restart`, and wins over it'),
      mode: readWith('`replicated`; `global` is one container; `replicated-job` and `global-job` are jobs'),
      replicas: readWith('containers of the service on each device'),
      labels: noted('have a meaning in Swarm only'),
      placement: readWith('none of its keys'),
      endpoint_mode: swarm,
    },
  },
  resources: {
    at: 'services.*.deploy.resources',
    title: '`deploy.resources`',
    keys: { limits: yes, reservations: yes },
  },
  limits: {
    at: 'services.*.deploy.resources.limits',
    title: '`deploy.resources.limits`',
    keys: { cpus: yes, memory: yes, pids: yes },
  },
  reservations: {
    at: 'services.*.deploy.resources.reservations',
    title: '`deploy.resources.reservations`',
    keys: {
      cpus: noted('engines keep no CPUs free'),
      memory: readWith('becomes `mem_reservation`'),
      devices: yes,
      generic_resources: swarm,
    },
  },
  deviceRequest: {
    at: 'services.*.deploy.resources.reservations.devices.*',
    title: 'A device under `reservations`',
    keys: {
      capabilities: yes,
      driver: yes,
      count: readWith('a number or `all`; absent, and without `device_ids`: `all`'),
      device_ids: yes,
      options: yes,
    },
  },
  gpu: {
    at: 'services.*.gpus.*',
    title: 'A GPU under `gpus`',
    keys: {
      capabilities: readWith('besides `gpu`'),
      driver: yes,
      count: readWith('a number or `all`; absent, and without `device_ids`: `all`'),
      device_ids: yes,
      options: yes,
    },
  },
  device: {
    at: 'services.*.devices.*',
    title: 'A device in long form',
    keys: { source: yes, target: readWith('absent: as the source'), permissions: readWith('absent: `rwm`') },
  },
  ulimit: {
    at: 'services.*.ulimits.*',
    title: 'A limit under `ulimits`',
    keys: { soft: yes, hard: yes },
  },
  blkio: {
    at: 'services.*.blkio_config',
    title: '`blkio_config`',
    keys: {
      weight: yes,
      weight_device: yes,
      device_read_bps: yes,
      device_read_iops: yes,
      device_write_bps: yes,
      device_write_iops: yes,
    },
  },
  blkioWeight: {
    at: 'services.*.blkio_config.weight_device.*',
    title: 'A device under `blkio_config.weight_device`',
    keys: { path: yes, weight: yes },
  },
  blkioRate: {
    at: 'services.*.blkio_config.*.*',
    title: 'A device under the other keys of `blkio_config`',
    keys: { path: yes, rate: yes },
  },
  updateConfig: {
    at: 'services.*.deploy.update_config',
    title: '`deploy.update_config`',
    keys: {
      monitor: yes,
      order: readWith('kept; this version stops the old container first'),
      parallelism: readWith('kept for a later version'),
      delay: readWith('kept for a later version'),
      failure_action: readWith('kept; this version does not roll back by itself'),
      max_failure_ratio: readWith('kept for a later version'),
    },
  },
  rollbackConfig: {
    at: 'services.*.deploy.rollback_config',
    title: '`deploy.rollback_config`',
    keys: { monitor: yes, order: yes, parallelism: yes, delay: yes, failure_action: yes, max_failure_ratio: yes },
  },
  restartPolicy: {
    at: 'services.*.deploy.restart_policy',
    title: '`deploy.restart_policy`',
    keys: {
      condition: readWith('`none` is `restart: no`, `on-failure` the same, `any` is `restart: always`'),
      max_attempts: readWith('with `on-failure`'),
      delay: noted('the engine restarts at its own pace'),
      window: noted('the engine judges by itself when a restart has worked'),
    },
  },
  placement: {
    at: 'services.*.deploy.placement',
    title: '`deploy.placement`',
    keys: {
      constraints: 'it comes in a later version, with labels of devices; deploy to the devices that are meant',
      preferences: swarm,
      max_replicas_per_node: 'write replicas: the containers of the service on each device',
    },
  },
  config: {
    at: 'configs.*',
    title: 'A config',
    keys: {
      file: readWith('a file in the project folder; it travels with the release'),
      content: yes,
      environment: readWith('the variable is read when deploying'),
      name: noted('a config is known by its key'),
      labels: noted('have a meaning in Swarm only'),
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
      labels: noted('have a meaning in Swarm only'),
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
