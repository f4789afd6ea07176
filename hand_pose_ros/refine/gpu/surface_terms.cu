// The terms of the surface fit's energy and a row for every residual (surface_terms.py).

static __device__ void set_segment(Fit& s, int row, int segment) {
    reinterpret_cast<unsigned char*>(s.rows.segment)[row] = (unsigned char)segment;
}

static __device__ void add_residual(
    Fit& s, const State& state, int row, int segment, const double* c, double dx, double dy, double dz, double thickness,
    double weight, double r
) {
    double root = sqrt(weight);
    double g[MOTIONS] = {
        dx, dy, dz, c[1] * dz - c[2] * dy, c[2] * dx - c[0] * dz, c[0] * dy - c[1] * dx,
        thickness, c[0] * dx + c[1] * dy + c[2] * dz, 0.0, 0.0
    };
    for (int axis = 0; axis < 2; axis++) {
        double px = state.rotation[axis], py = state.rotation[3 + axis], pz = state.rotation[6 + axis];
        double part = px * dx + py * dy + pz * dz;
        g[8 + axis] =
            part * (segment == 0 ? px * c[0] + py * c[1] + pz * c[2] : s.base_offsets[SEGMENT_FINGER[segment]][axis]);
    }
    for (int a = 0; a < MOTIONS; a++) s.rows.jacobian[a][row] = root * g[a];
    s.rows.jacobian[MOTIONS][row] = root * r;
    set_segment(s, row, segment);
}

static __device__ void nearest_capsules(Fit& s) {
    EACH(n, s.chosen) {
        double best[FEW], along;
        for (int k = 0; k < FEW; k++) best[k] = INFINITE, s.near[n][k] = 0;
        double x = s.points[n][0] - s.joints[0][0], y = s.points[n][1] - s.joints[0][1];
        double z = s.points[n][2] - s.joints[0][2];
        for (int i = 0; i < CAPSULE_COUNT; i++) {
            double d = capsule_distance(s.table[i], x, y, z, along);
            if (!(d < best[FEW - 1])) continue;
            int k = FEW - 1;
            while (k > 0 && best[k - 1] > d) {
                best[k] = best[k - 1], s.near[n][k] = s.near[n][k - 1];
                k--;
            }
            best[k] = d, s.near[n][k] = (unsigned char)i;
        }
    }
    __syncthreads();
}

static __device__ void add_point(Fit& s, const State& state, int n, double distance) {
    s.rows.energy[n] = 0.0, s.rows.distance[n] = 0.0, s.rows.flags[n] = 0;
    set_segment(s, n, NOTHING);
    if (n >= s.chosen) return;
    const double square = POINT_SCALE_M * POINT_SCALE_M, outlier = s.point_weight * square;
    double x = s.points[n][0] - state.translation[0], y = s.points[n][1] - state.translation[1];
    double z = s.points[n][2] - state.translation[2], r = INFINITE, along = 0.0, t;
    int i = 0;
    for (int k = 0; k < FEW; k++) {
        double d = capsule_distance(s.table[s.near[n][k]], x, y, z, t);
        if (d < r) r = d, along = t, i = s.near[n][k];
    }
    int arm = ARM_CAPSULES[i];
    s.rows.energy[n] = outlier;
    if (arm == 2 || (arm == 1 && along <= 0.0)) return;
    const double* row = s.table[i];
    double c[3] = {row[0] + along * row[3], row[1] + along * row[4], row[2] + along * row[5]};
    double nx = x - c[0], ny = y - c[1], nz = z - c[2], length = norm3(nx, ny, nz);
    length = length > 1e-9 ? length : 1e-9;
    nx /= length, ny /= length, nz /= length;
    double vx = x + state.translation[0], vy = y + state.translation[1], vz = z + state.translation[2] + distance;
    double facing = -(nx * vx + ny * vy + nz * vz) / norm3(vx, vy, vz);
    if (fabs(r) < NEAR_M) {
        s.rows.distance[n] = fabs(r);
        s.rows.flags[n] = fabs(r) < EXPLAINED_M && facing > FACING ? NEAR | GOOD : NEAR;
    }
    if (facing <= FACING) return;
    double turned = (facing - FACING) / RAMP;
    turned = turned < 1.0 ? turned : 1.0;
    if (arm == 1) turned *= along / WRIST_M < 1.0 ? along / WRIST_M : 1.0;
    double share = square / (square + r * r);
    s.rows.energy[n] = s.point_weight * (turned * r * r * share + (1.0 - turned) * square);
    double weight = s.point_weight * turned * share * share;
    add_residual(s, state, n, CAPSULES[i][0], c, -nx, -ny, -nz, r - length, weight, r);
}

struct Sample {
    double c[3], front, radius, metres, column, row;
    int u, v, segment;
};

static __device__ bool sample_at(const Fit& s, const State& state, int k, double distance, double half, Sample& out) {
    const double* row = s.table[k / 3];
    double along = SAMPLES[k % 3] * row[6];
    for (int a = 0; a < 3; a++) out.c[a] = row[a] + along * row[3 + a];
    out.radius = row[7] + row[8] * along;
    double x = out.c[0] + state.translation[0], y = out.c[1] + state.translation[1], z = out.c[2] + state.translation[2];
    out.metres = (distance + z) / distance * 2.0 * half / SIZE;
    if (!(out.metres > 1e-6)) return false;
    out.column = x / out.metres + 0.5 * SIZE - 0.5, out.row = y / out.metres + 0.5 * SIZE - 0.5;
    double u = floor(out.column + 0.5), v = floor(out.row + 0.5);
    if (!(u >= 0.0 && v >= 0.0 && u < SIZE && v < SIZE)) return false;
    out.u = (int)u, out.v = (int)v, out.front = z - out.radius, out.segment = CAPSULES[k / 3][0];
    return true;
}

static __device__ double depth_at(const float* crop, int u, int v, double half) {
    float d = crop[v * SIZE + u];
    return d >= -1.0f && d < 1.0f ? (double)(d * (float)half) : INFINITE;
}

static __device__ void add_sample(Fit& s, const State& state, const float* crop, int k, double distance, double half) {
    int row = FIRST_SAMPLE + k;
    s.rows.energy[row] = 0.0, s.rows.flags[row] = 0, s.rows.ring[k] = RING_COUNT;
    set_segment(s, row, NOTHING);
    Sample at;
    if (!sample_at(s, state, k, distance, half, at)) return;
    const double square = SAMPLE_SCALE_M * SAMPLE_SCALE_M;
    double gap = depth_at(crop, at.u, at.v, half) - at.front;
    if (!(gap < GATE_M)) {
        s.rows.flags[row] = NEAR | GOOD | BESIDE;
        return;
    }
    double r = gap - MARGIN_M;
    int flags = fabs(gap) < ON_SURFACE_M ? NEAR | ON_SURFACE : NEAR;
    if (r > 0.0) {
        if (r > ON_SURFACE_M) flags |= GOOD;
        double share = square / (square + r * r);
        s.rows.energy[row] = s.sample_weight * r * r * share;
        add_residual(
            s, state, row, at.segment, at.c, 0.0, 0.0, -1.0, at.radius, s.sample_weight * share * share, r
        );
    }
    s.rows.flags[row] = (unsigned char)flags;
}

static __device__ void add_beside(Fit& s, const State& state, const float* crop, double distance, double half) {
    EACH(t, SAMPLE_ROWS * RING_COUNT) {
        int k = t / RING_COUNT, q = t % RING_COUNT;
        if (!(s.rows.flags[FIRST_SAMPLE + k] & BESIDE)) continue;
        Sample at;
        sample_at(s, state, k, distance, half, at);
        int a = at.u + RING[q][0], b = at.v + RING[q][1];
        if (a < 0 || b < 0 || a >= SIZE || b >= SIZE) continue;
        if (depth_at(crop, a, b, half) - at.front < GATE_M) atomicMin(&s.rows.ring[k], q);
    }
    __syncthreads();
    EACH(k, SAMPLE_ROWS) {
        int row = FIRST_SAMPLE + k, q = s.rows.ring[k];
        if (!(s.rows.flags[row] & BESIDE)) continue;
        const double square = SAMPLE_SCALE_M * SAMPLE_SCALE_M;
        if (q == RING_COUNT) {
            double farthest = FARTHEST_PX * 2.0 * half / SIZE, far = farthest * farthest;
            s.rows.energy[row] = s.sample_weight * far * square / (square + far);
            continue;
        }
        Sample at;
        sample_at(s, state, k, distance, half, at);
        double dx = (at.column - (at.u + RING[q][0])) * at.metres, dy = (at.row - (at.v + RING[q][1])) * at.metres;
        double r = sqrt(dx * dx + dy * dy), share = square / (square + r * r);
        s.rows.energy[row] = s.sample_weight * r * r * share;
        if (r > 1e-9)
            add_residual(
                s, state, row, at.segment, at.c, dx / r, dy / r, 0.0, 0.0, s.sample_weight * share * share, r
            );
    }
    __syncthreads();
}

static __device__ void add_joint(Fit& s, const State& state, int j) {
    int row = FIRST_JOINT + 3 * j;
    double w = s.target_weight[j], total = 0.0, r[3];
    for (int k = 0; k < 3; k++) {
        s.rows.energy[row + k] = 0.0;
        set_segment(s, row + k, NOTHING);
        r[k] = s.ends[j][k] + state.translation[k] - s.target[j][k];
    }
    if (!(w > 0.0)) return;
    const double square = JOINT_SCALE * JOINT_SCALE;
    total = w * (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
    double share = square / (square + total);
    s.rows.energy[row] = total * share;
    for (int k = 0; k < 3; k++)
        add_residual(
            s, state, row + k, JOINT_SEGMENT[j], s.ends[j], k == 0, k == 1, k == 2, 0.0, w * share * share, r[k]
        );
}

// Translation and rotation have no priors here: kernel_source.py refuses configurations in which they have.
static __device__ void add_prior(Fit& s, const State& state, int u) {
    double value = 0.0, total = 0.0;
    if (u >= FIRST_ANGLE && u < PARAMETERS) value = state.angles[u - FIRST_ANGLE];
    if (u == THICKNESS) value = state.thickness;
    if (u >= FIRST_SCALE) value = state.shape[u - FIRST_SCALE];
    for (int p = 0; p < 2; p++) {
        double residual = u >= FIRST_ANGLE && (p == 0 || u < FIRST_SCALE) ? value - s.mean[p][u] : 0.0;
        s.residual[p][u] = residual;
        total += s.precision[p][u] * residual * residual;
        if (p == 0 && u >= FIRST_SCALE) total += s.shape_precision * residual * residual;
    }
    s.rows.energy[ROWS + u] = total;
}

// The energy of s.trial into s.counts[0], what is counted behind it, and a row for every residual.
static __device__ void evaluate(Fit& s, const float* crop, double distance, double half, bool choose) {
    const State& state = s.trial;
    place_capsules(s, state);
    if (choose) nearest_capsules(s);
    EACH(t, FIRST_JOINT + JOINTS + UNKNOWNS) {
        if (t < FIRST_SAMPLE) add_point(s, state, t, distance);
        else if (t < FIRST_JOINT) add_sample(s, state, crop, t - FIRST_SAMPLE, distance, half);
        else if (t < FIRST_JOINT + JOINTS) add_joint(s, state, t - FIRST_JOINT);
        else add_prior(s, state, t - FIRST_JOINT - JOINTS);
    }
    EACH(t, ROW_WORDS * 4 - ROWS) set_segment(s, ROWS + t, NOTHING);
    __syncthreads();
    add_beside(s, state, crop, distance, half);
    EACH(t, TOTALS * CHUNKS) {
        int what = t / CHUNKS;
        double total = 0.0;
        if (what == 0)
            for (int n = t % CHUNKS; n < ENERGIES; n += CHUNKS) total += s.rows.energy[n];
        else if (what == 3)
            for (int n = t % CHUNKS; n < POINTS; n += CHUNKS) total += s.rows.distance[n];
        else {
            int from = what < 3 ? 0 : FIRST_SAMPLE, to = what < 3 ? POINTS : FIRST_JOINT;
            int flag = what == 1 || what == 4 ? NEAR : what == 6 ? ON_SURFACE : GOOD;
            for (int n = from + t % CHUNKS; n < to; n += CHUNKS) total += (s.rows.flags[n] & flag) ? 1.0 : 0.0;
        }
        s.rows.partial[what][t % CHUNKS] = total;
    }
    __syncthreads();
    EACH(what, TOTALS) {
        double total = 0.0;
        for (int n = 0; n < CHUNKS; n++) total += s.rows.partial[what][n];
        s.counts[what] = total;
    }
    __syncthreads();
}
