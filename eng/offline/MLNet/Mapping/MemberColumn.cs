using System.Linq.Expressions;
using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>A member's .NET type as a column value: arrays and <see cref="VBuffer{T}"/> are vectors, string is text.</summary>
internal readonly record struct MemberValue(Type MemberType, PrimitiveDataViewType ItemType, bool IsVector)
{
    internal static MemberValue Of(MemberInfo member)
    {
        var type = member is FieldInfo field ? field.FieldType : ((PropertyInfo)member).PropertyType;
        var element = type.IsArray ? type.GetElementType()
            : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>) ? type.GetGenericArguments()[0]
            : null;
        var item = DataViewTypeFacts.PrimitiveOrNull((element ?? type) == typeof(string) ? typeof(ReadOnlyMemory<char>) : element ?? type);
        Check.Parameter(item != null && element != typeof(string), nameof(member),
            $"No column type is known for member '{member.Name}' of type {type}");
        return new MemberValue(type, item, element != null);
    }
}

/// <summary>One public member of a class bound to one column, with compiled access to it.</summary>
internal sealed class MemberColumn
{
    private readonly MemberInfo _member;
    private Delegate _reader;
    private Delegate _writer;

    private MemberColumn(MemberInfo member, MemberValue value, string columnName, DataViewType columnType)
    {
        _member = member;
        Value = value;
        ColumnName = columnName;
        ColumnType = columnType;
    }

    internal MemberValue Value { get; }

    internal string ColumnName { get; }

    internal DataViewType ColumnType { get; }

    internal string MemberName => _member.Name;

    internal static MemberColumn[] Of(Type type, SchemaDefinition definition, SchemaDefinition.Direction direction) =>
        [.. (definition ?? SchemaDefinition.Create(type, direction)).Select(column => Bind(type, column))];

    internal static DataViewSchema SchemaOf(IEnumerable<MemberColumn> columns)
    {
        var schema = new DataViewSchema.Builder();
        foreach (var column in columns)
            schema.AddColumn(column.ColumnName, column.ColumnType);
        return schema.ToSchema();
    }

    internal Func<TRow, TValue> Reader<TRow, TValue>()
    {
        if (_reader == null)
        {
            var row = Expression.Parameter(typeof(TRow));
            _reader = Expression.Lambda<Func<TRow, TValue>>(Expression.MakeMemberAccess(row, _member), row).Compile();
        }

        return (Func<TRow, TValue>)_reader;
    }

    internal Action<TRow, TValue> Writer<TRow, TValue>()
    {
        if (_writer == null)
        {
            var row = Expression.Parameter(typeof(TRow));
            var value = Expression.Parameter(typeof(TValue));
            var assign = Expression.Assign(Expression.MakeMemberAccess(row, _member), value);
            _writer = Expression.Lambda<Action<TRow, TValue>>(assign, row, value).Compile();
        }

        return (Action<TRow, TValue>)_writer;
    }

    private static MemberColumn Bind(Type type, SchemaDefinition.Column column)
    {
        MemberInfo member = (MemberInfo)type.GetField(column.MemberName) ?? type.GetProperty(column.MemberName);
        Check.Parameter(member != null, nameof(SchemaDefinition),
            $"{type} has no public member '{column.MemberName}'");
        var value = MemberValue.Of(member);
        string name = string.IsNullOrEmpty(column.ColumnName) ? column.MemberName : column.ColumnName;
        var columnType = column.ColumnType ?? (value.IsVector ? new VectorDataViewType(value.ItemType) : value.ItemType);
        Check.Parameter(columnType is VectorDataViewType == value.IsVector, nameof(SchemaDefinition),
            $"Column '{name}' and its member '{member.Name}' must both be vectors or both be scalars");
        Check.Parameter(DataViewTypeFacts.ItemTypeOf(columnType).RawType == value.ItemType.RawType, nameof(SchemaDefinition),
            $"Column '{name}' holds {DataViewTypeFacts.ItemTypeOf(columnType)}, its member '{member.Name}' {value.ItemType}");
        return new MemberColumn(member, value, name, columnType);
    }
}
