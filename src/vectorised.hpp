#pragma once

/// Marks functions whose loops gain from vector instructions beyond the architecture's baseline: on x86-64 they are
/// compiled twice and the better version is chosen when the program is loaded. Results are the same: nothing is
/// reassociated or contracted. (Sanitizers do not survive the loader running code of theirs that early.)

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LOCUS_VECTORISED __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define LOCUS_VECTORISED
#endif

/// Part of such functions: compiled with them, for the same instructions.
#define LOCUS_INLINED [[gnu::always_inline]] inline
