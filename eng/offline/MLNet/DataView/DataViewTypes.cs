using System.Collections.Immutable;

namespace Microsoft.ML.Data;

/// <summary>The type of a column. Instances of the primitive types are singletons, so they compare by reference.</summary>
public abstract class DataViewType : IEquatable<DataViewType>
{
    private protected DataViewType(Type rawType) => RawType = rawType;

    public Type RawType { get; }

    public abstract bool Equals(DataViewType other);
}

public abstract class StructuredDataViewType : DataViewType
{
    protected StructuredDataViewType(Type rawType) : base(rawType) { }
}

public abstract class PrimitiveDataViewType : DataViewType
{
    protected PrimitiveDataViewType(Type rawType) : base(rawType) { }

    public override bool Equals(DataViewType other) => ReferenceEquals(this, other);
}

public sealed class NumberDataViewType : PrimitiveDataViewType
{
    private NumberDataViewType(Type rawType) : base(rawType) { }

    public static NumberDataViewType SByte { get; } = new(typeof(sbyte));
    public static NumberDataViewType Byte { get; } = new(typeof(byte));
    public static NumberDataViewType Int16 { get; } = new(typeof(short));
    public static NumberDataViewType UInt16 { get; } = new(typeof(ushort));
    public static NumberDataViewType Int32 { get; } = new(typeof(int));
    public static NumberDataViewType UInt32 { get; } = new(typeof(uint));
    public static NumberDataViewType Int64 { get; } = new(typeof(long));
    public static NumberDataViewType UInt64 { get; } = new(typeof(ulong));
    public static NumberDataViewType Single { get; } = new(typeof(float));
    public static NumberDataViewType Double { get; } = new(typeof(double));

    public override string ToString() => RawType.Name;
}

public sealed class TextDataViewType : PrimitiveDataViewType
{
    private TextDataViewType() : base(typeof(ReadOnlyMemory<char>)) { }

    public static TextDataViewType Instance { get; } = new();

    public override string ToString() => "String";
}

public sealed class BooleanDataViewType : PrimitiveDataViewType
{
    private BooleanDataViewType() : base(typeof(bool)) { }

    public static BooleanDataViewType Instance { get; } = new();

    public override string ToString() => "Boolean";
}

/// <summary>One of <see cref="Count"/> values, numbered from 1 in an unsigned type; 0 is a missing value.</summary>
public sealed class KeyDataViewType : PrimitiveDataViewType
{
    public KeyDataViewType(Type type, ulong count) : base(type)
    {
        ulong largest = type == typeof(byte) ? byte.MaxValue : type == typeof(ushort) ? ushort.MaxValue
            : type == typeof(uint) ? uint.MaxValue : type == typeof(ulong) ? ulong.MaxValue : 0;
        Check.Parameter(largest > 0, nameof(type), "A key is byte, ushort, uint or ulong.");
        Check.Parameter(count > 0 && count <= largest, nameof(count));
        Count = count;
    }

    public KeyDataViewType(Type type, int count) : this(type, (ulong)count)
    {
    }

    public ulong Count { get; }

    public override bool Equals(DataViewType other) => other is KeyDataViewType key && RawType == key.RawType && Count == key.Count;

    public override bool Equals(object obj) => obj is DataViewType other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(RawType, Count);

    public override string ToString() => $"Key<{RawType.Name}, 0-{Count - 1}>";
}

/// <summary>A vector of one item type. A size or a dimension of 0 means that it is not known.</summary>
public sealed class VectorDataViewType : StructuredDataViewType
{
    public VectorDataViewType(PrimitiveDataViewType itemType, int size = 0)
        : this(itemType, Check.Parameter(size >= 0, nameof(size), ImmutableArray.Create(size)))
    {
    }

    public VectorDataViewType(PrimitiveDataViewType itemType, params int[] dimensions)
        : this(itemType, Check.Parameter(dimensions is { Length: > 0 }, nameof(dimensions), dimensions).ToImmutableArray())
    {
    }

    public VectorDataViewType(PrimitiveDataViewType itemType, ImmutableArray<int> dimensions)
        : base(typeof(VBuffer<>).MakeGenericType(Check.Value(itemType, nameof(itemType)).RawType))
    {
        Check.Parameter(dimensions.Length > 0 && dimensions.All(length => length >= 0), nameof(dimensions));
        ItemType = itemType;
        Dimensions = dimensions;
        Size = dimensions.Aggregate(1, (product, length) => checked(product * length));
    }

    public ImmutableArray<int> Dimensions { get; }

    public PrimitiveDataViewType ItemType { get; }

    public int Size { get; }

    public bool IsKnownSize => Size > 0;

    public override bool Equals(DataViewType other) =>
        other is VectorDataViewType vector && ItemType.Equals(vector.ItemType) && Dimensions.SequenceEqual(vector.Dimensions);

    public override bool Equals(object obj) => obj is DataViewType other && Equals(other);

    public override int GetHashCode() => Dimensions.Aggregate(ItemType.GetHashCode(), HashCode.Combine);

    public override string ToString()
    {
        // One unknown dimension is left out; among several it shows as a star.
        var shown = Dimensions.Length == 1 ? Dimensions.Where(length => length > 0) : Dimensions;
        var lengths = shown.Select(length => length > 0 ? $"{length}" : "*");
        return $"Vector<{string.Join(", ", lengths.Prepend(ItemType.ToString()))}>";
    }
}

internal static class DataViewTypeFacts
{
    private static readonly Dictionary<Type, PrimitiveDataViewType> ByRawType = new PrimitiveDataViewType[]
    {
        NumberDataViewType.SByte, NumberDataViewType.Byte, NumberDataViewType.Int16, NumberDataViewType.UInt16,
        NumberDataViewType.Int32, NumberDataViewType.UInt32, NumberDataViewType.Int64, NumberDataViewType.UInt64,
        NumberDataViewType.Single, NumberDataViewType.Double, TextDataViewType.Instance, BooleanDataViewType.Instance,
    }.ToDictionary(type => type.RawType);

    internal static PrimitiveDataViewType PrimitiveOrNull(Type rawType) => ByRawType.GetValueOrDefault(rawType);

    internal static PrimitiveDataViewType PrimitiveNamed(string name) => ByRawType.Values.First(type => type.ToString() == name);

    internal static DataViewType ItemTypeOf(DataViewType type) => type is VectorDataViewType vector ? vector.ItemType : type;

    /// <summary>1 for a scalar, 0 for a vector of unknown size.</summary>
    internal static int ValueCountOf(DataViewType type) => type is VectorDataViewType vector ? vector.Size : 1;
}
