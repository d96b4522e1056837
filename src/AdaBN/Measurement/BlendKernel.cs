using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AdaBN.Measurement;

/// <summary>
/// One plane (a sample's positions of one channel), or one sample's channels where there are no positions, of a blend:
/// clamp(x·scale + y·otherScale + offset). Reads each input once and writes once. Compiled in full at the first call: a command that
/// adapts one model has no time to warm up.
/// </summary>
internal static unsafe class BlendKernel
{
    /// <summary>clamp(x·scale + offset) over a plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Plane(float* x, float* result, int length, float scale, float offset, float low, float high)
    {
        var (s, o, l, h) = (new Vector<float>(scale), new Vector<float>(offset), new Vector<float>(low), new Vector<float>(high));
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            Clamp((Vector.Load(x + i) * s) + o, l, h).Store(result + i);
        for (; i < length; i++) result[i] = Clamp((x[i] * scale) + offset, low, high);
    }

    /// <summary>clamp(x·scale + y·otherScale + offset) over a plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Plane(float* x, float* y, float* result, int length, float scale, float otherScale, float offset, float low, float high)
    {
        var (s, t, o) = (new Vector<float>(scale), new Vector<float>(otherScale), new Vector<float>(offset));
        var (l, h) = (new Vector<float>(low), new Vector<float>(high));
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            Clamp((Vector.Load(x + i) * s) + ((Vector.Load(y + i) * t) + o), l, h).Store(result + i);
        for (; i < length; i++) result[i] = Clamp((x[i] * scale) + ((y[i] * otherScale) + offset), low, high);
    }

    /// <summary>clamp(x·scale + y·otherScale + offset), each channel with its own scale and offset; y may be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Channels(float* x, float* y, float* result, int channels, float* scale, float* otherScale, float* offset, float low, float high)
    {
        var (l, h) = (new Vector<float>(low), new Vector<float>(high));
        int c = 0;
        for (; c <= channels - Vector<float>.Count; c += Vector<float>.Count)
        {
            Vector<float> sum = (Vector.Load(x + c) * Vector.Load(scale + c)) + Vector.Load(offset + c);
            if (y != null) sum += Vector.Load(y + c) * Vector.Load(otherScale + c);
            Clamp(sum, l, h).Store(result + c);
        }
        for (; c < channels; c++) result[c] = Clamp((x[c] * scale[c]) + offset[c] + (y != null ? y[c] * otherScale[c] : 0), low, high);
    }

    /// <summary>One block of channels in the blocked layout: at each position, every channel with its own numbers; y may be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Block(float* x, float* y, float* result, int positions, int block, float* scale, float* otherScale, float* offset, float low, float high)
    {
        if (block == Vector512<float>.Count) Block16(x, y, result, positions, scale, otherScale, offset, low, high);
        else Block8(x, y, result, positions, scale, otherScale, offset, low, high);
    }

    /// <summary>A plane whose elements lie apart, in either layout; step 0 repeats one number; y may be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strided(float* x, int xStep, float* y, int yStep, float* result, int step, int length, float scale, float otherScale, float offset, float low, float high)
    {
        for (int i = 0; i < length; i++)
        {
            float other = y != null ? y[i * yStep] * otherScale : 0;
            result[i * step] = Clamp((x[i * xStep] * scale) + (other + offset), low, high);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block16(float* x, float* y, float* result, int positions, float* scale, float* otherScale, float* offset, float low, float high)
    {
        var (s, t, o) = (Vector512.Load(scale), Vector512.Load(otherScale), Vector512.Load(offset));
        var (l, h) = (Vector512.Create(low), Vector512.Create(high));
        float* end = x + ((long)positions * Vector512<float>.Count);
        if (y == null)
        {
            for (; x < end; x += Vector512<float>.Count, result += Vector512<float>.Count)
            {
                Vector512<float> sum = (Vector512.Load(x) * s) + o;
                sum = Vector512.ConditionalSelect(Vector512.LessThan(sum, l), l, sum);
                Vector512.ConditionalSelect(Vector512.GreaterThan(sum, h), h, sum).Store(result);
            }
            return;
        }
        for (; x < end; x += Vector512<float>.Count, y += Vector512<float>.Count, result += Vector512<float>.Count)
        {
            Vector512<float> sum = (Vector512.Load(x) * s) + ((Vector512.Load(y) * t) + o);
            sum = Vector512.ConditionalSelect(Vector512.LessThan(sum, l), l, sum);
            Vector512.ConditionalSelect(Vector512.GreaterThan(sum, h), h, sum).Store(result);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block8(float* x, float* y, float* result, int positions, float* scale, float* otherScale, float* offset, float low, float high)
    {
        var (s, t, o) = (Vector256.Load(scale), Vector256.Load(otherScale), Vector256.Load(offset));
        var (l, h) = (Vector256.Create(low), Vector256.Create(high));
        float* end = x + ((long)positions * Vector256<float>.Count);
        for (; x < end; x += Vector256<float>.Count, result += Vector256<float>.Count)
        {
            Vector256<float> other = o;
            if (y != null)
            {
                other += Vector256.Load(y) * t;
                y += Vector256<float>.Count;
            }
            Vector256<float> sum = (Vector256.Load(x) * s) + other;
            sum = Vector256.ConditionalSelect(Vector256.LessThan(sum, l), l, sum);
            Vector256.ConditionalSelect(Vector256.GreaterThan(sum, h), h, sum).Store(result);
        }
    }

    // Comparisons, not Min and Max: NaN has to come through, so that the layer after it can report it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Clamp(Vector<float> x, Vector<float> low, Vector<float> high)
    {
        x = Vector.ConditionalSelect(Vector.LessThan(x, low), low, x);
        return Vector.ConditionalSelect(Vector.GreaterThan(x, high), high, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Clamp(float x, float low, float high) => x < low ? low : x > high ? high : x;
}
