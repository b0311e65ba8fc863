/* The October race for Spin: october.py, step for step. Each atomic block is one message and what follows it up to
 * the next one. Variables that are not read again are set back, so that equal states are equal. */
#ifndef PLANS
#define PLANS 3
#define ENACTORS 3
#define ENDPOINTS 3
#define ROUNDS 3
#endif
#ifndef MENDED
#define MENDED 0
#endif
#define KEEP 1
#define AT(plan, endpoint) ((plan) * ENDPOINTS + (endpoint))

bool sets[(PLANS + 1) * ENDPOINTS];
byte alias[ENDPOINTS] = 1;
byte locked[ENDPOINTS] = 1;
byte newest = 1;

inline check() {
	i = 0;
	do
	:: i < ENDPOINTS -> assert(sets[AT(alias[i], i)]); i++
	:: else -> i = 0; break
	od
}

proctype planner() {
	byte plan = 2, i = 0;
	do
	:: plan > PLANS -> break
	:: else ->
		atomic {
			do
			:: i < ENDPOINTS -> sets[AT(plan, i)] = true; i++
			:: else -> i = 0; break
			od
		};
		newest = plan;
		atomic { plan++ }
	od
}

proctype enactor() {
	byte applied = 1, rested = 0, plan = 0, e = 0, lock = 0, before = 0, i = 0, p = 0;
	byte seen[ENDPOINTS];
	bool old = false;

look:	atomic {
		plan = newest;
		if
		:: plan <= applied ->
			plan = 0; rested++;
			if
			:: rested == ROUNDS -> goto ended
			:: else -> goto rest
			fi
		:: else -> e = 0
		fi
	};
point:	lock = locked[e];
	atomic {
		before = alias[e];
		if
		:: MENDED && plan < before -> before = 0; lock = 0; goto on
		:: else
		fi
	};
	atomic {
		if
		:: locked[e] == lock && sets[AT(before, e)] && sets[AT(plan, e)] && (!MENDED || alias[e] == before) ->
			locked[e] = plan; alias[e] = plan; lock = 0; before = 0;
			check()
		:: else ->
			lock = 0; before = 0; rested++;
			if
			:: rested == ROUNDS -> goto ended
			:: else -> goto turn
			fi
		fi
	};
on:	atomic {
		e++;
		if
		:: e < ENDPOINTS -> goto point
		:: else -> e = 0
		fi
	};
	atomic {
		old = false; p = 1;
		do
		:: p > plan - KEEP -> break
		:: else ->
			i = 0;
			do
			:: i < ENDPOINTS -> old = old || (sets[AT(p, i)] && !(MENDED && alias[i] == p)); i++
			:: else -> break
			od;
			p++
		od;
		i = 0; p = 0;
		do
		:: MENDED && i < ENDPOINTS -> seen[i] = alias[i]; i++
		:: else -> i = 0; break
		od;
		if
		:: !old -> goto done
		:: else
		fi
	};
	atomic {
		old = false; i = 0;
		do
		:: MENDED && i < ENDPOINTS -> old = old || seen[i] != alias[i]; i++
		:: else -> i = 0; break
		od;
		p = 1;
		do
		:: old || p > plan - KEEP -> break
		:: else ->
			i = 0;
			do
			:: i < ENDPOINTS ->
				sets[AT(p, i)] = sets[AT(p, i)] && MENDED && alias[i] == p; i++
			:: else -> break
			od;
			p++
		od;
		old = false; i = 0; p = 0;
		check()
	};
done:	atomic {
		applied = plan; plan = 0; i = 0;
		do
		:: MENDED && i < ENDPOINTS -> seen[i] = 0; i++
		:: else -> i = 0; break
		od
	};
	goto look;
rest:	skip; goto look;
turn:	skip; goto point;
ended:	skip
}

init {
	byte i = 0;
	atomic {
		do
		:: i < ENDPOINTS -> sets[AT(1, i)] = true; i++
		:: else -> i = 0; break
		od;
		run planner();
		do
		:: i < ENACTORS -> run enactor(); i++
		:: else -> i = 0; break
		od
	}
}
