using AdaBN.Discovery;
using AdaBN.Layout;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>A stored value's rows in one batch.</summary>
/// <param name="Form">Its form.</param>
/// <param name="Addresses">Where each row begins.</param>
internal readonly record struct RowSet(TensorForm Form, nint[] Addresses);

/// <summary>A blend with its decided numbers, ready to be computed batch by batch.</summary>
internal sealed unsafe class BlendRunner
{
    private const int LargestBlock = 16;
    private readonly float[] _scale, _otherScale, _offset; // filled up with zeros to whole blocks
    private readonly int _channels;
    private readonly (int Part, int Channel)[]?[] _places; // a channel's place among the parts of each term, found at the first batch

    public BlendRunner(Blend blend, IReadOnlyDictionary<BatchNormLayer, Normalizer> normalizers)
    {
        Blend = blend;
        _places = new (int, int)[]?[blend.Terms.Length];
        _channels = blend.Terms.First(term => term.Layer is not null).Layer!.Channels;
        int padded = BlockedLayout.Padded(_channels, LargestBlock);
        (_scale, _otherScale, _offset) = (new float[padded], new float[padded], new float[padded]);
        foreach ((BlendTerm term, float[] scale) in blend.Terms.Zip((float[][])[_scale, _otherScale]))
        {
            for (int c = 0; c < _channels; c++)
            {
                scale[c] = term.Layer is { } layer ? normalizers[layer].Scale[c] : 1;
                _offset[c] += term.Layer is not null ? normalizers[term.Layer].Offset[c] : 0;
            }
        }
    }

    public Blend Blend { get; }

    /// <summary>The form of a blend's result in the plain layout: that of the larger term.</summary>
    public static TensorForm PlainFormOf(Blend blend, Func<Value, TensorForm> formOf) =>
        blend.Terms.Select(term => Joined([.. term.Parts.Select(formOf)])).MaxBy(form => form.SampleLength)!;

    /// <summary>The layout that costs least where nothing else decides: that of the terms.</summary>
    public static int BlockOf(Blend blend, Func<Value, TensorForm> formOf) => blend.Terms.SelectMany(term => term.Parts).Min(part => formOf(part).Block);

    /// <summary>Computes one batch.</summary>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="form">Its form.</param>
    /// <param name="result">Where to write it.</param>
    /// <param name="rowsOf">A stored part's rows in this batch.</param>
    public void Compute(int rows, TensorForm form, Slot result, Func<Value, RowSet> rowsOf)
    {
        Operand x = OperandOf(0, rows, form, rowsOf);
        Operand? y = Blend.Terms.Length > 1 ? OperandOf(1, rows, form, rowsOf) : null;
        int padded = form.Block == 0 ? _channels : BlockedLayout.Padded(_channels, form.Block);
        long rowLength = (long)padded * form.Positions;
        bool isSameLayout = x.IsLike(form) && (y is null || y.IsLike(form));
        fixed (float* scale = _scale, otherScale = _otherScale, offset = _offset)
        {
            for (int row = 0; row < rows; row++)
            {
                float* target = (float*)result.Address + (row * rowLength);
                if (!isSameLayout) Strided(row, x, y, form, target);
                else if (form.Block > 0) Blocks(row, x, y, form, target, padded / form.Block, scale, otherScale, offset);
                else if (form.Positions == 1 && x.IsSingle && y is null or { IsSingle: true })
                    BlendKernel.Channels(x.At(row, 0), y is null ? null : y.At(row, 0), target, _channels, scale, otherScale, offset, Blend.Low, Blend.High);
                else Planes(row, x, y, form.Positions, target);
            }
        }
    }

    private Operand OperandOf(int term, int rows, TensorForm result, Func<Value, RowSet> rowsOf)
    {
        RowSet[] parts = [.. Blend.Terms[term].Parts.Select(rowsOf)];
        if (parts.Any(part => part.Addresses.Length != rows))
            throw new AdaptationException(AdaptationError.UnsupportedForm, $"'{Blend.Output.Name}' joins or adds tensors of {string.Join(" and ", parts.Select(part => part.Addresses.Length).Append(rows).Distinct())} rows; expected the same number.");
        _places[term] ??= [.. parts.SelectMany((part, p) => Enumerable.Range(0, (int)part.Form.Tail[0]).Select(channel => (p, channel)))];
        return new Operand(parts, _places[term]!, result, Blend);
    }

    private void Planes(int row, Operand x, Operand? y, int positions, float* target)
    {
        for (int c = 0; c < _channels; c++, target += positions)
        {
            if (y is null) BlendKernel.Plane(x.At(row, c), target, positions, _scale[c], _offset[c], Blend.Low, Blend.High);
            else BlendKernel.Plane(x.At(row, c), y.At(row, c), target, positions, _scale[c], _otherScale[c], _offset[c], Blend.Low, Blend.High);
        }
    }

    private void Blocks(int row, Operand x, Operand? y, TensorForm form, float* target, int blocks, float* scale, float* otherScale, float* offset)
    {
        for (int b = 0; b < blocks; b++, target += (long)form.Block * form.Positions)
        {
            int c = b * form.Block;
            BlendKernel.Block(x.At(row, c), y is null ? null : y.At(row, c), target, form.Positions, form.Block, scale + c, otherScale + c, offset + c, Blend.Low, Blend.High);
        }
    }

    /// <summary>Between layouts, or with a term of one number a channel.</summary>
    private void Strided(int row, Operand x, Operand? y, TensorForm form, float* target)
    {
        int step = Math.Max(1, form.Block);
        if (form.Block > 0) new Span<float>(target, BlockedLayout.Padded(_channels, form.Block) * form.Positions).Clear();
        for (int c = 0; c < _channels; c++)
        {
            float* plane = form.Block == 0 ? target + ((long)c * form.Positions) : target + ((long)(c / form.Block) * form.Block * form.Positions) + (c % form.Block);
            BlendKernel.Strided(x.At(row, c), x.StepAt(c), y is null ? null : y.At(row, c), y?.StepAt(c) ?? 0, plane, step, form.Positions,
                _scale[c], _otherScale[c], _offset[c], Blend.Low, Blend.High);
        }
    }

    /// <summary>The form of parts joined along the channels. No Concat runs that would check them, and kernels read memory as these say.</summary>
    private static TensorForm Joined(TensorForm[] forms)
    {
        TensorForm first = forms[0];
        if (forms.FirstOrDefault(form => form.ElementType != ElementType.Float || form.Tail.Length == 0 || form.RowsPerSample != first.RowsPerSample
            || !form.Tail.AsSpan(1).SequenceEqual(first.Tail.AsSpan(1))) is { } odd)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm,
                $"{odd.ElementType} [{string.Join(", ", odd.Tail)}] a sample is added to or joined with {first.ElementType} [{string.Join(", ", first.Tail)}]; expected float32 with channels, alike but for their number. The model is inconsistent; export it again.");
        }
        return first with { Tail = [forms.Sum(form => form.Tail[0]), .. first.Tail[1..]], Block = 0 };
    }

    /// <summary>One term's rows and channels, found by number.</summary>
    private sealed class Operand
    {
        private readonly RowSet[] _parts;
        private readonly (int Part, int Channel)[] _channels;
        private readonly bool _isConstantPlane;
        private readonly int _positions;

        public Operand(RowSet[] parts, (int Part, int Channel)[] channels, TensorForm result, Blend blend)
        {
            (_parts, _channels) = (parts, channels);
            TensorForm form = Joined([.. _parts.Select(part => part.Form)]);
            _positions = form.Positions;
            bool isFull = form.Tail.AsSpan().SequenceEqual(result.Tail);
            _isConstantPlane = !isFull && form.Tail.Length == result.Tail.Length && form.Tail[0] == result.Tail[0] && _positions == 1;
            if (!isFull && !_isConstantPlane)
            {
                throw new AdaptationException(AdaptationError.UnsupportedForm,
                    $"'{blend.Output.Name}' adds tensors of shapes [{string.Join(", ", form.Tail)}] and [{string.Join(", ", result.Tail)}] a sample; expected equal shapes, or one number a channel.");
            }
        }

        public bool IsSingle => _parts.Length == 1;

        /// <summary>Whether the result can be computed plane by plane or block by block.</summary>
        public bool IsLike(TensorForm form) =>
            !_isConstantPlane && _parts.All(part => part.Form.Block == form.Block) && (form.Block == 0 || _parts[..^1].All(part => part.Form.Tail[0] % form.Block == 0));

        /// <summary>Elements from one position to the next.</summary>
        public int StepAt(int channel) => _isConstantPlane ? 0 : Math.Max(1, _parts[_channels[channel].Part].Form.Block);

        public float* At(int row, int channel)
        {
            (int part, int own) = _channels[channel];
            int block = _parts[part].Form.Block;
            long offset = block == 0 ? (long)own * _positions : ((long)(own / block) * block * _positions) + (own % block);
            return (float*)_parts[part].Addresses[row] + offset;
        }
    }
}
