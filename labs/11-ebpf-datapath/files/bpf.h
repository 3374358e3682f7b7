/* What each of the programs needs: types, headers, maps, and the kernel's helpers by their numbers in <linux/bpf.h>. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* The loader finds programs, maps and the licence by the names of sections; a map's fields are written as types. */
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_RINGBUF = 27 };
/* The map is pinned as /sys/fs/bpf/NAME, and if there is one already it is used again. */
enum { LIBBPF_PIN_BY_NAME = 1 };
char licence[] SEC("license") = "GPL";

/* What tc makes of a program's answer. UNSPEC: ask the next program; OK: ask no other; SHOT: throw it away. */
enum { TC_ACT_UNSPEC = -1, TC_ACT_OK = 0, TC_ACT_SHOT = 2 };

/* The packet, as a program sees it: this, and its bytes by bpf_skb_load_bytes. */
struct __sk_buff { u32 len, pkt_type, mark, queue_mapping, protocol; };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static long (*const bpf_skb_store_bytes)(struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags) = (void *)9;
static long (*const bpf_l3_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 size) = (void *)10;
static long (*const bpf_l4_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) = (void *)11;
static long (*const bpf_skb_load_bytes)(const struct __sk_buff *skb, u32 offset, void *to, u32 len) = (void *)26;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, u64 size, u64 flags) = (void *)130;
/* The checksum also covers this field, which is not in the header that it stands in. */
enum { BPF_F_PSEUDO_HDR = 1 << 4 };

/* Where things are, behind 14 bytes of Ethernet and in an IP header of 20, which is one without options. */
enum { IP_VERSION = 14, IP_PROTOCOL = 14 + 9, IP_CHECKSUM = 14 + 10, IP_SOURCE = 14 + 12, IP_DESTINATION = 14 + 16 };
enum { TCP_SOURCE = 34, TCP_DESTINATION = 34 + 2, TCP_FLAGS = 34 + 13, TCP_CHECKSUM = 34 + 16 };
enum { TCP_SYN = 2, TCP_ACK = 16 };

/* Of a packet's TCP. Addresses and ports are in the order of the wire, highest byte first. */
struct tuple { u32 from, to; u16 from_port, to_port; };

/* True if the packet is TCP over IPv4; then `tuple` says from where to where. */
static inline int is_tcp(struct __sk_buff *skb, struct tuple *tuple)
{
	u8 version, protocol;

	if (bpf_skb_load_bytes(skb, IP_VERSION, &version, 1) || version != 0x45)
		return 0;
	if (bpf_skb_load_bytes(skb, IP_PROTOCOL, &protocol, 1) || protocol != 6)
		return 0;
	return !bpf_skb_load_bytes(skb, IP_SOURCE, tuple, sizeof *tuple);
}

/* True if it is the packet that begins a connection, or that packet once more. */
static inline int is_first(struct __sk_buff *skb)
{
	u8 flags;

	return !bpf_skb_load_bytes(skb, TCP_FLAGS, &flags, 1) && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}
