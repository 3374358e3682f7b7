#include "bpf.h"

/* Who has which address. It is the one map that knows addresses; all the others have identities. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} identities SEC(".maps");
/* Reserved: the nodes, and everybody who is not in the map. */
enum { HOST = 1, WORLD = 2 };

/* Who may reach whom on which port, and how often that was so; and who was turned away. */
struct rule { u32 from, to; u16 port, zero; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(struct rule));
	__uint(value_size, sizeof(u64));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} allowed SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(struct rule));
	__uint(value_size, sizeof(u64));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} dropped SEC(".maps");

static inline u32 identity_of(u32 address)
{
	u32 *found = bpf_map_lookup_elem(&identities, &address);

	return found ? *found : WORLD;
}

#include "judge.h"
#include "record.h"

SEC("tc") int policy(struct __sk_buff *skb)
{
	struct tuple tuple;
	int forwarded;

	/* ARP */
	if (skb->protocol != 0x0008)
		return TC_ACT_UNSPEC;
	if (!is_tcp(skb, &tuple))
		return TC_ACT_SHOT;
	/* Only the first packet of a connection is judged: answers to what the pod itself began come by here too. */
	if (!is_first(skb))
		return TC_ACT_UNSPEC;
	forwarded = judge(&tuple);
	record(&tuple, forwarded);
	return forwarded ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}
