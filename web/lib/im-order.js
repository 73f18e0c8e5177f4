// What a client has of each conversation: the messages that it may show, in order and once.  Knows nothing of connections.
//
// A place is {upto, told, last, waiting}: everything up to seq upto has been shown, told of it is acknowledged, last is the
// highest seq that the server has been heard of, and waiting are messages behind a hole.

export class Order {
    constructor(show) {
        this.places = new Map();
        this.show = show;
    }

    place(conversationId) {
        let place = this.places.get(conversationId);
        if (!place) this.places.set(conversationId, place = {upto: 0, told: 0, last: 0, waiting: new Map()});
        return place;
    }

    // Where a client begins, when it reads what is older from history by itself.
    begin(conversationId, upto) {
        const place = this.place(conversationId);
        if (upto > place.upto) this.goOn(conversationId, upto + 1);
        place.last = Math.max(place.last, upto);
    }

    take(message) {
        const place = this.place(message.conversationId);
        place.last = Math.max(place.last, message.seq);
        if (message.seq <= place.upto || place.waiting.has(message.seq)) return;
        place.waiting.set(message.seq, message);
        this.advance(place);
    }

    // From this seq, though what is before it is missing.
    goOn(conversationId, from) {
        const place = this.place(conversationId);
        place.upto = Math.max(place.upto, from - 1);
        for (const seq of place.waiting.keys()) if (seq <= place.upto) place.waiting.delete(seq);
        this.advance(place);
    }

    advance(place) {
        for (let next; (next = place.waiting.get(place.upto + 1)); ) {
            place.waiting.delete(++place.upto);
            this.show(next);
        }
    }

    // Places behind which something is missing: [[conversationId, place]].
    holes() {
        return [...this.places].filter(([, place]) => place.last > place.upto);
    }

    // What a heartbeat says: [[conversationId, upto]], at most 1000.
    untold() {
        const pairs = [];
        for (const [conversationId, place] of this.places) {
            if (place.upto > place.told && pairs.push([conversationId, place.upto]) === 1000) break;
        }
        return pairs;
    }

    told(pairs) {
        for (const [conversationId, upto] of pairs) {
            const place = this.place(conversationId);
            place.told = Math.max(place.told, upto);
        }
    }
}
