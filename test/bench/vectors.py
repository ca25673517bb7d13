# Peers of test/bench/vectors.ts: reads float32 vectors (queries first), prints one JSON row an index. Peers that are not installed are left out.
import json, sys, time
import numpy as np

file, n_queries, dimension = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
everything = np.fromfile(file, dtype=np.float32).reshape(-1, dimension)
queries, vectors = everything[:n_queries], np.ascontiguousarray(everything[n_queries:])
K = 10
exact = [set(np.argsort(-(vectors @ q))[:K].tolist()) for q in queries]
rows = []

def measured(name, build, search):
    started = time.perf_counter()
    index = build()
    build_s = time.perf_counter() - started
    times, recalls = [], []
    for q, right in zip(queries, exact):
        before, before_cpu = time.perf_counter(), time.process_time()
        found = search(index, q)
        times.append(((time.perf_counter() - before) * 1e3, (time.process_time() - before_cpu) * 1e3))
        recalls.append(len(right & set(int(i) for i in found)) / K)
    wall = sorted(t for t, _ in times); cpu = sorted(c for _, c in times)
    rows.append({"index": name, "n": len(vectors), "recall@10": round(float(np.mean(recalls)), 4), "p50Ms": wall[len(wall) // 2], "p95Ms": wall[int(0.95 * len(wall))], "p95CpuMs": cpu[int(0.95 * len(cpu))], "buildS": round(build_s, 2)})

try:
    import faiss
    faiss.omp_set_num_threads(1)
    def build_hnsw():
        index = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 100
        index.hnsw.efSearch = 400
        index.add(vectors)
        return index
    def build_flat():
        index = faiss.IndexFlatIP(dimension)
        index.add(vectors)
        return index
    measured("faiss HNSW (M 16, ef 400)", build_hnsw, lambda index, q: index.search(q[None], K)[1][0])
    measured("faiss exact", build_flat, lambda index, q: index.search(q[None], K)[1][0])
except ImportError:
    pass
try:
    from usearch.index import Index
    def build_usearch():
        index = Index(ndim=dimension, metric="ip", connectivity=16, expansion_add=100, expansion_search=400)
        index.add(np.arange(len(vectors)), vectors, threads=1)
        return index
    measured("usearch (M 16, ef 400)", build_usearch, lambda index, q: index.search(q, K).keys)
except ImportError:
    pass
print(json.dumps(rows))
