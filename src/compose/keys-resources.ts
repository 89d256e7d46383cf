/** The keys of networks and volumes, and of what a service has of them. See keys.ts. */
import { imageMount, noted, readWith, yes } from './key-rules.ts'

export const resourceLevels = {
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
} as const
