/** The keys of the parts of a service, of `deploy`, configs and secrets, and our own. See keys.ts. */
import { noted, readWith, swarm, yes } from './key-rules.ts'

export const partLevels = {
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
      rollback_config: yes,
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
      monitor: readWith('absent: 10s'),
      order: readWith('`start-first` is refused where only one of the two could have a port, an address or a device'),
      parallelism: readWith('absent: 1'),
      delay: yes,
      failure_action: readWith('absent: `rollback`'),
      max_failure_ratio: readWith('of the containers of the service on the device'),
    },
  },
  rollbackConfig: {
    at: 'services.*.deploy.rollback_config',
    title: '`deploy.rollback_config`',
    keys: {
      monitor: yes,
      order: yes,
      parallelism: yes,
      delay: yes,
      failure_action: readWith('a rollback that fails always stops there'),
      max_failure_ratio: yes,
    },
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
      lock: readWith('`true`: while there is a file `/run/longshore/lock`, updates wait; see [windows](windows.md)'),
      secretEnvFiles: readWith('environment files that travel as secrets and stand at `/run/secrets/NAME.env`'),
    },
  },
  longshoreMount: {
    at: 'services.*.volumes.*.x-longshore',
    title: '`x-longshore` of a volume of a service',
    keys: { seed: readWith('`false`: what is in the folder stays here, and it begins empty on the device') },
  },
  longshoreUpdate: {
    at: 'x-longshore.update',
    title: '`x-longshore.update`',
    keys: {
      deadline: yes,
      tolerateRestarts: yes,
      window: readWith('when an update may begin: `"0 2 * * 1-5 for 3h"`, or a list; see [windows](windows.md)'),
      lockExpiry: readWith('a lock ends so long after it was last written; absent: 24h'),
    },
  },
} as const
