// The surface fit's equations, steps and the kernel (surface_normal_equations.py, surface_solver.py, surface_fit.py).

static __device__ void sum_segments(Fit& s) {
    EACH(t, SEGMENTS * MOTION_SUMS) {
        int segment = t / MOTION_SUMS, e = t % MOTION_SUMS, a, b;
        if (e >= MOTION_SUMS - MOTIONS) {
            a = e - (MOTION_SUMS - MOTIONS), b = MOTIONS;
        } else {
            a = 0;
            while (LOWER(a + 1, 0) <= e) a++;
            b = e - LOWER(a, 0);
        }
        const double *left = s.rows.jacobian[a], *right = s.rows.jacobian[b];
        double total = 0.0;
        unsigned wanted = segment * 0x01010101u;
        for (int word = 0; word < ROW_WORDS; word++) {
            unsigned differs = s.rows.segment[word] ^ wanted;
            if (!((differs - 0x01010101u) & ~differs & 0x80808080u)) continue;  // no byte of it is 0
            for (int k = 0; k < 4; k++)
                if (((differs >> (8 * k)) & 0xffu) == 0) total += left[4 * word + k] * right[4 * word + k];
        }
        s.segments[segment][e] = total;
    }
    __syncthreads();
    EACH(t, 5 * MOTION_SUMS) {
        const int* of = FINGER_SEGMENTS[t / MOTION_SUMS];
        int e = t % MOTION_SUMS;
        s.segments[of[1]][e] += s.segments[of[2]][e];
        s.segments[of[0]][e] += s.segments[of[1]][e];
    }
    __syncthreads();
    EACH(e, MOTION_SUMS)
        for (int f = 0; f < 5; f++) s.segments[0][e] += s.segments[FINGER_SEGMENTS[f][0]][e];
    __syncthreads();
}

// The equations of all unknowns, with the priors.
static __device__ void gather(Fit& s) {
    sum_segments(s);
    EACH(k, COLUMNS) {
        double* column = s.gather.columns[k];
        for (int a = 0; a < MOTIONS; a++) column[a] = 0.0;
        if (COLUMN_KIND[k] == 0) {
            column[k] = 1.0;
            if (k == 7) column[6] = 1.0;  // the whole hand grows in thickness, too
        } else if (COLUMN_KIND[k] == 1) {
            const double *o = s.ends[COLUMN_JOINT[k]], *a = s.axes[COLUMN_ANGLE[k]];
            column[0] = o[1] * a[2] - o[2] * a[1];
            column[1] = o[2] * a[0] - o[0] * a[2];
            column[2] = o[0] * a[1] - o[1] * a[0];
            for (int i = 0; i < 3; i++) column[3 + i] = a[i];
        } else {
            double sign = COLUMN_KIND[k] == 2 ? 1.0 : -1.0;
            for (int i = 0; i < 3; i++) column[i] = -sign * s.ends[COLUMN_JOINT[k]][i];
            column[7] = sign;
        }
    }
    __syncthreads();
    EACH(t, COLUMNS * MOTIONS) {
        int k = t / MOTIONS, a = t % MOTIONS;
        const double* sums = s.segments[COLUMN_SEGMENT[k]];
        double total = 0.0;
        for (int b = 0; b < MOTIONS; b++) total += sums[a > b ? LOWER(a, b) : LOWER(b, a)] * s.gather.columns[k][b];
        s.gather.images[k][a] = total;
    }
    __syncthreads();
    EACH(t, UNKNOWNS * UNKNOWNS) {
        int i = t / UNKNOWNS, j = t % UNKNOWNS;
        if (j > i) continue;
        double total = 0.0;
        for (int p = 0; p < 2; p++)
            for (int q = 0; q < 2; q++) {
                int k = COLUMNS_OF[i][p], m = COLUMNS_OF[j][q];
                if (k < 0 || m < 0) continue;
                int inner = k < m ? k : m, outer = k < m ? m : k;
                if (COLUMN_FINGER[inner] >= 0 && COLUMN_FINGER[inner] != COLUMN_FINGER[outer]) continue;
                for (int a = 0; a < MOTIONS; a++) total += s.gather.columns[inner][a] * s.gather.images[outer][a];
            }
        if (i == j) total += s.precision[0][i] + s.precision[1][i] + (i >= FIRST_SCALE ? s.shape_precision : 0.0);
        s.hessian[LOWER(i, j)] = total;
    }
    EACH(i, UNKNOWNS) {
        double total = 0.0;
        for (int p = 0; p < 2; p++) {
            int k = COLUMNS_OF[i][p];
            if (k < 0) continue;
            const double* sums = s.segments[COLUMN_SEGMENT[k]] + MOTION_SUMS - MOTIONS;
            for (int a = 0; a < MOTIONS; a++) total += s.gather.columns[k][a] * sums[a];
        }
        for (int p = 0; p < 2; p++) total += s.precision[p][i] * s.residual[p][i];
        if (i >= FIRST_SCALE) total += s.shape_precision * s.residual[0][i];
        s.gradient[i] = total;
    }
    __syncthreads();
}

// Cholesky's factor of the first s.size rows of s.solve.matrix in place, and of the row behind them what solves with it;
// s.failed where it is not positive definite.
static __device__ void factor(Fit& s) {
    int size = s.size;
    double(*m)[UNKNOWNS] = s.solve.matrix;
    for (int c = 0; c < size; c++) {
        double square = m[c][c];
        if (!(square > 0.0)) {
            EACH(t, 1) s.failed = 1;
            break;
        }
        double root = sqrt(square);
        EACH(t, size + 1 - c - 1) m[c + 1 + t][c] /= root;
        EACH(t, 1) s.solve.root[c] = root;
        __syncthreads();
        int left = size - c - 1;  // rows and columns behind this one, and one row more
        EACH(t, left * (left + 1)) {
            int r = c + 1 + t / left, k = c + 1 + t % left;
            if (k <= r) m[r][k] -= m[r][c] * m[k][c];
        }
        __syncthreads();
    }
    __syncthreads();
}

static __device__ void damped_step(Fit& s) {
    int size = s.size;
    double(*m)[UNKNOWNS] = s.solve.matrix;
    EACH(t, size * size) {
        int i = t / size, j = t % size;
        if (j > i) continue;
        double value = s.hessian[LOWER(i, j)];
        if (i == j) value += s.damping * value + DIAGONAL_FLOOR;
        for (int p = 0; p < 2; p++) {
            int u = p == 0 ? i : j, angle = u - FIRST_ANGLE;
            if (angle < 0 || angle >= ANGLES) continue;
            bool lower = s.state.angles[angle] <= LIMITS[angle][0], upper = s.state.angles[angle] >= LIMITS[angle][1];
            if ((lower && s.gradient[u] > 0.0) || (upper && s.gradient[u] < 0.0)) value = i == j ? 1.0 : 0.0;
        }
        m[i][j] = value;
    }
    EACH(u, size) {
        int angle = u - FIRST_ANGLE;
        double value = -s.gradient[u];
        if (angle >= 0 && angle < ANGLES) {
            bool lower = s.state.angles[angle] <= LIMITS[angle][0], upper = s.state.angles[angle] >= LIMITS[angle][1];
            if ((lower && s.gradient[u] > 0.0) || (upper && s.gradient[u] < 0.0)) value = 0.0;
        }
        m[size][u] = value;
    }
    EACH(t, 1) s.failed = 0;
    __syncthreads();
    factor(s);
    if (s.failed) return;
    for (int r = size - 1; r >= 0; r--) {
        EACH(t, r + 1) {
            double x = m[size][r] / s.solve.root[r];
            if (t == r) s.step[r] = x;
            else m[size][t] -= m[r][t] * x;
        }
        __syncthreads();
    }
}

static __device__ void so3_exp(const double* vector, double* out) {
    double x = vector[0], y = vector[1], z = vector[2];
    double squared = x * x + y * y + z * z, a, b;
    if (squared < 1e-12) {
        a = 1.0 - squared / 6, b = 0.5 - squared / 24;
    } else {
        double angle = sqrt(squared);
        a = sin(angle) / angle, b = (1 - cos(angle)) / squared;
    }
    double k[9] = {0.0, -z, y, z, 0.0, -x, -y, x, 0.0};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            double square = k[3 * r] * k[c] + k[3 * r + 1] * k[3 + c] + k[3 * r + 2] * k[6 + c];
            out[3 * r + c] = (r == c ? 1.0 : 0.0) + a * k[3 * r + c] + b * square;
        }
}

static __device__ void move(Fit& s, bool free_shape) {
    EACH(t, 1) {
        double turn[9];
        so3_exp(s.step + 3, turn);
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 3; c++) {
                const double* q = s.state.rotation;
                s.trial.rotation[3 * r + c] = turn[3 * r] * q[c] + turn[3 * r + 1] * q[3 + c] + turn[3 * r + 2] * q[6 + c];
            }
        s.trial.thickness = limited(s.state.thickness + s.step[THICKNESS], -THICKNESS_LIMIT, THICKNESS_LIMIT);
    }
    EACH(k, 3) s.trial.translation[k] = s.state.translation[k] + s.step[k];
    EACH(i, ANGLES)
        s.trial.angles[i] = limited(s.state.angles[i] + s.step[FIRST_ANGLE + i], LIMITS[i][0], LIMITS[i][1]);
    EACH(i, SHAPE) {
        double value = s.state.shape[i];
        if (free_shape) value = limited(value + s.step[FIRST_SCALE + i], -FITTED_SHAPE_LIMIT, FITTED_SHAPE_LIMIT);
        s.trial.shape[i] = value;
    }
    __syncthreads();
}

static __device__ void keep_trial(Fit& s) {
    EACH(i, (int)(sizeof(State) / sizeof(double)))
        reinterpret_cast<double*>(&s.state)[i] = reinterpret_cast<double*>(&s.trial)[i];
}

static __device__ void begin(Fit& s, const Input& in, const Output& out, bool free_shape, bool again) {
    EACH(u, UNKNOWNS) {
        int angle = u - FIRST_ANGLE;
        s.mean[0][u] = s.mean[1][u] = s.precision[0][u] = s.precision[1][u] = 0.0;
        s.residual[0][u] = s.residual[1][u] = 0.0;
        if (angle >= 0 && angle < ANGLES) {
            double own = limited(in.parameters[u], LIMITS[angle][0], LIMITS[angle][1]);
            double before = limited(in.previous_angles[angle], LIMITS[angle][0], LIMITS[angle][1]);
            s.mean[0][u] = own, s.precision[0][u] = ANGLE_PRECISION;
            if (in.previous_known != 0.0) {
                double spread = in.slack * PREVIOUS_ANGLE;
                s.mean[1][u] = in.previous_angles[angle], s.precision[1][u] = 1.0 / (spread * spread);
            }
            s.trial.angles[angle] = again ? before : own;
        }
        if (u == THICKNESS) {
            s.mean[0][u] = s.trial.thickness = in.thickness;
            s.precision[0][u] = 1.0 / (in.thickness_spread * in.thickness_spread);
        }
        if (u >= FIRST_SCALE) {
            int i = u - FIRST_SCALE;
            s.mean[0][u] = s.trial.shape[i] = free_shape ? in.network_shape[i] : in.shape[i];
        }
    }
    EACH(k, 3) s.trial.translation[k] = in.parameters[k];
    EACH(j, JOINTS) {
        const double* target = REGRESSES ? out.joints[j] : in.joints[j];
        double sigma = in.sigma[j];
        bool seen = sigma > 0.0 && sigma < INFINITE;
        for (int k = 0; k < 3; k++) seen = seen && fabs(target[k]) < INFINITE;
        sigma = limited(sigma, BEST_SIGMA_M, WORST_SIGMA_M);
        for (int k = 0; k < 3; k++) s.target[j][k] = seen ? target[k] : 0.0;
        s.target_weight[j] = seen ? JOINT_WEIGHT / (sigma * sigma) : 0.0;
    }
    EACH(t, 1) {
        so3_exp(in.parameters + 3, s.trial.rotation);
        s.shape_precision = free_shape ? SHAPE_PRECISION : 0.0;
        s.size = free_shape ? UNKNOWNS : FIRST_SCALE;
        s.trust = in.trust, s.sample_weight = in.trust * SAMPLE_WEIGHT;
        s.best = s.first = INFINITE, s.damping = FIRST_DAMPING, s.failed = 0;
        for (int n = 0; n < TOTALS; n++) s.best_counts[n] = 0.0;
    }
    EACH(i, JOINTS * 3) s.best_joints[i / 3][i % 3] = 0.0;
    EACH(i, UNKNOWNS * (UNKNOWNS + 1) / 2) s.hessian[i] = 0.0;
    __syncthreads();
    keep_trial(s);  // stands where no energy is a number
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(THREADS) fit(
    const float* crops, long long crop_stride, const float* inputs, long long input_stride, float* outputs,
    long long output_stride
) {
    extern __shared__ double shared_memory[];
    Fit& s = *reinterpret_cast<Fit*>(shared_memory);
    int problem = blockIdx.x % PROBLEMS;
    long long index = blockIdx.x / PROBLEMS;
    const float* crop = crops + index * crop_stride;
    const Input& in = *reinterpret_cast<const Input*>(inputs + index * input_stride);
    Output& output = *reinterpret_cast<Output*>(outputs + index * output_stride);
    Solution& out = output.solutions[problem];
    // Problems: the known shape, the same from the previous angles, and both with a free shape.
    bool free_shape = problem >= 2, again = problem % 2 == 1;
    bool wanted = free_shape ? in.shape_known == 0.0 || in.fit_shape != 0.0 : in.shape_known != 0.0;
    if (!wanted || (again && in.previous_known == 0.0)) return;
    double distance = in.distance, half = in.half;

    begin(s, in, output, free_shape, again);
    // The box is that of the network's own angles, wherever the fit begins.
    EACH(f, 6) {
        place_part(
            f, s.trial.rotation, s.trial.translation, s.mean[0] + FIRST_ANGLE, s.trial.shape, s.offsets, s.joints, s.axes
        );
    }
    __syncthreads();
    EACH(k, 3) {
        double low = s.joints[0][k], high = low;
        for (int j = 1; j < JOINTS; j++) {
            low = s.joints[j][k] < low ? s.joints[j][k] : low;
            high = s.joints[j][k] > high ? s.joints[j][k] : high;
        }
        s.low[k] = low - REACH_M, s.high[k] = high + REACH_M;
    }
    __syncthreads();
    choose_points(s, crop, distance, half);

    for (int trial = 0; trial <= ITERATIONS; trial++) {
        evaluate(s, crop, distance, half, trial == 0);
        EACH(t, 1) {
            double energy = s.counts[0], gain = 1.0;
            if (trial == 0) s.first = energy;
            s.accept = energy < s.best;
            if (s.accept) {
                gain = trial > 0 ? 1.0 - energy / s.best : 1.0;
                s.best = energy;
                if (trial > 0) {
                    double less = DAMPING_DECREASE * s.damping;
                    s.damping = less > LEAST_DAMPING ? less : LEAST_DAMPING;
                }
            } else {
                s.damping *= DAMPING_INCREASE;
            }
            s.stop = gain < TOLERANCE || s.damping > MOST_DAMPING || !(s.best < INFINITE) || trial == ITERATIONS;
        }
        __syncthreads();
        if (s.accept) {
            keep_trial(s);
            EACH(i, JOINTS * 3) s.best_joints[i / 3][i % 3] = s.joints[i / 3][i % 3];
            EACH(i, TOTALS) s.best_counts[i] = s.counts[i];
            gather(s);
        }
        if (s.stop) break;
        damped_step(s);
        if (s.failed) {
            __syncthreads();
            EACH(t, 1) s.damping *= DAMPING_INCREASE;
            __syncthreads();
            continue;
        }
        move(s, free_shape);
    }
    __syncthreads();
    // The thickness' spread, all else unknown: the length of its column in the factor's inverse.
    EACH(t, s.size * s.size) {
        int i = t / s.size, j = t % s.size;
        if (j <= i) s.solve.matrix[i][j] = s.hessian[LOWER(i, j)] + (i == j ? DIAGONAL_FLOOR : 0.0);
    }
    EACH(u, s.size) s.solve.matrix[s.size][u] = u == THICKNESS ? 1.0 : 0.0;
    EACH(t, 1) s.failed = 0;
    __syncthreads();
    factor(s);
    EACH(t, 1) {
        double total = 0.0;
        for (int u = 0; u < s.size; u++) total += s.solve.matrix[s.size][u] * s.solve.matrix[s.size][u];
        out.thickness_spread = s.failed ? INFINITE : sqrt(total);
        out.thickness = s.state.thickness, out.energy = s.best;
        for (int k = 0; k < 3; k++) out.pixel_counts[k] = s.best_counts[1 + k], out.sample_counts[k] = s.best_counts[4 + k];
    }
    EACH(i, 9) out.rotation[i] = s.state.rotation[i];
    EACH(i, 3) out.translation[i] = s.state.translation[i];
    EACH(i, ANGLES) out.angles[i] = s.state.angles[i];
    EACH(i, SHAPE) out.shape[i] = s.state.shape[i];
    EACH(i, JOINTS * 3) out.joints[i / 3][i % 3] = s.best_joints[i / 3][i % 3];
    EACH(i, ANGLES) s.trial.angles[i] = limited(in.previous_angles[i], LIMITS[i][0], LIMITS[i][1]);
    __syncthreads();
    EACH(f, 6)
        place_part(
            f, s.state.rotation, s.state.translation, s.trial.angles, s.state.shape, s.offsets, s.joints, s.axes
        );
    __syncthreads();
    EACH(t, 1) {
        double farthest = 0.0;
        for (int f = 0; f < 5; f++) {
            int tip = FINGER_JOINTS[f][3];
            double moved = norm3(
                s.joints[tip][0] - s.best_joints[tip][0], s.joints[tip][1] - s.best_joints[tip][1],
                s.joints[tip][2] - s.best_joints[tip][2]
            );
            farthest = moved > farthest ? moved : farthest;
        }
        out.tips_moved = farthest;
    }
}

// Bytes of memory that the blocks of both kernels share, and of what goes in and out: the host asks for them.
extern "C" __device__ unsigned long long SIZES[4] = {sizeof(Regression), sizeof(Fit), sizeof(Input), sizeof(Output)};
