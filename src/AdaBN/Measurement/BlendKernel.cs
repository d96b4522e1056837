using System.Numerics;
using System.Runtime.CompilerServices;

namespace AdaBN.Measurement;

/// <summary>
/// One plane (a sample's positions of one channel), or one sample's channels where there are no positions, of a blend:
/// clamp(x·scale + y·otherScale + offset). Reads each input once and writes once.
/// </summary>
internal static unsafe class BlendKernel
{
    /// <summary>clamp(x·scale + offset) over a plane.</summary>
    public static void Plane(float* x, float* result, int length, float scale, float offset, float low, float high)
    {
        var (s, o, l, h) = (new Vector<float>(scale), new Vector<float>(offset), new Vector<float>(low), new Vector<float>(high));
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            Clamp((Vector.Load(x + i) * s) + o, l, h).Store(result + i);
        for (; i < length; i++) result[i] = Clamp((x[i] * scale) + offset, low, high);
    }

    /// <summary>clamp(x·scale + y·otherScale + offset) over a plane.</summary>
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
