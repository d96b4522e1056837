using AdaBN.Discovery;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>A blend with its decided numbers, ready to be computed batch by batch.</summary>
internal sealed unsafe class BlendRunner
{
    private readonly Blend _blend;
    private readonly float[] _scale, _otherScale, _offset;

    public BlendRunner(Blend blend, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers)
    {
        _blend = blend;
        int channels = blend.Terms.First(term => term.Layer is not null).Layer!.Channels;
        (float[] scale, float[] offset) Numbers(int term) => term < blend.Terms.Length && blend.Terms[term].Layer is { } layer
            ? (normalizers[layer].Scale, normalizers[layer].Offset)
            : (Enumerable.Repeat(1f, channels).ToArray(), new float[channels]);
        (_scale, float[] first) = Numbers(0);
        (_otherScale, float[] second) = Numbers(1);
        _offset = [.. first.Zip(second, (a, b) => a + b)];
    }

    public Blend Blend => _blend;

    /// <summary>The form of a blend's result: that of the larger term.</summary>
    public static TensorForm FormOf(Blend blend, Func<Value, TensorForm> formOf) =>
        blend.Terms.Select(term => Joined(term, formOf)).MaxBy(form => form.SampleLength)!;

    /// <summary>Computes one batch.</summary>
    /// <param name="shape">Shape of the result.</param>
    /// <param name="result">Where to write it.</param>
    /// <param name="rowsOf">Addresses of a stored part's rows in this batch.</param>
    /// <param name="formOf">Forms of stored parts.</param>
    public void Compute(long[] shape, Slot result, Func<Value, nint[]> rowsOf, Func<Value, TensorForm> formOf)
    {
        var operands = _blend.Terms.Select(term => new Operand(term, shape, _blend, rowsOf, formOf)).ToArray();
        Operand x = operands[0];
        Operand? y = operands.Length > 1 ? operands[1] : null;
        (float[] scale, float[] otherScale) = (_scale, _otherScale);
        if (y is not null && !x.IsFull) (x, y, scale, otherScale) = (y, x, _otherScale, _scale);

        int rows = checked((int)shape[0]), channels = _offset.Length, positions = x.Positions;
        for (int row = 0; row < rows; row++)
        {
            float* target = (float*)result.Address + ((long)row * channels * positions);
            if (positions == 1 && x.IsSingle && y is null or { IsSingle: true, IsFull: true })
            {
                fixed (float* s = scale, t = otherScale, o = _offset)
                    BlendKernel.Channels(x.Plane(row, 0), y is null ? null : y.Plane(row, 0), target, channels, s, t, o, _blend.Low, _blend.High);
                continue;
            }
            for (int c = 0; c < channels; c++, target += positions)
            {
                float* plane = x.Plane(row, c);
                if (y is null)
                    BlendKernel.Plane(plane, target, positions, scale[c], _offset[c], _blend.Low, _blend.High);
                else if (y.IsFull)
                    BlendKernel.Plane(plane, y.Plane(row, c), target, positions, scale[c], otherScale[c], _offset[c], _blend.Low, _blend.High);
                else
                    BlendKernel.Plane(plane, target, positions, scale[c], _offset[c] + (*y.Plane(row, c) * otherScale[c]), _blend.Low, _blend.High);
            }
        }
    }

    private static TensorForm Joined(BlendTerm term, Func<Value, TensorForm> formOf)
    {
        TensorForm[] forms = [.. term.Parts.Select(formOf)];
        if (forms.Length == 1) return forms[0];
        return forms[0] with { Tail = [forms.Sum(form => form.Tail[0]), .. forms[0].Tail[1..]] };
    }

    /// <summary>One term's rows and channels, found by number.</summary>
    private sealed class Operand
    {
        private readonly nint[][] _rows;
        private readonly (int Part, int Channel)[] _channels;

        public Operand(BlendTerm term, long[] shape, Blend blend, Func<Value, nint[]> rowsOf, Func<Value, TensorForm> formOf)
        {
            TensorForm form = Joined(term, formOf);
            long[] wanted = shape[1..];
            IsFull = form.Tail.AsSpan().SequenceEqual(wanted);
            bool isConstantPlane = form.Tail.Length == wanted.Length && form.Tail[0] == wanted[0] && form.Tail.Skip(1).All(length => length == 1);
            if (!IsFull && !isConstantPlane)
            {
                throw new AdaptationException(AdaptationError.UnsupportedForm,
                    $"'{blend.Output.Name}' adds tensors of shapes [{string.Join(", ", form.Tail)}] and [{string.Join(", ", wanted)}] a sample; expected equal shapes, or one number a channel.");
            }
            Positions = checked((int)form.Tail.Skip(1).Aggregate(1L, (product, length) => product * length));
            _rows = [.. term.Parts.Select(rowsOf)];
            _channels = [.. term.Parts.SelectMany((part, p) => Enumerable.Range(0, (int)formOf(part).Tail[0]).Select(channel => (p, channel)))];
        }

        public bool IsFull { get; }

        public bool IsSingle => _rows.Length == 1;

        public int Positions { get; }

        public float* Plane(int row, int channel)
        {
            (int part, int own) = _channels[channel];
            return (float*)_rows[part][row] + ((long)own * Positions);
        }
    }
}
