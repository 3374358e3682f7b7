#include "bpf.h"

/* What has come, by the number of its protocol: 1 is ICMP, 6 TCP, 17 UDP. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u64));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} packets SEC(".maps");

SEC("tc") int count(struct __sk_buff *skb)
{
	u32 protocol = 0;
	u64 *number;

	/* ARP comes by here too: its frame type is not that of IPv4, 0x0800, in the order of the wire. */
	if (skb->protocol != 0x0008 || bpf_skb_load_bytes(skb, IP_PROTOCOL, &protocol, 1))
		return TC_ACT_UNSPEC;
	number = bpf_map_lookup_elem(&packets, &protocol);
	/* Without this question the verifier refuses the program: what is not there cannot be read. */
	if (number)
		/* Several processors may be here at once. */
		__sync_fetch_and_add(number, 1);
	return TC_ACT_UNSPEC;
}
