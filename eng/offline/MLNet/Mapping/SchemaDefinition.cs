using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>How the public members of a class become columns; a caller may change names and types before use.</summary>
public sealed class SchemaDefinition : List<SchemaDefinition.Column>
{
    private SchemaDefinition()
    {
    }

    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = Read | Write,
    }

    public Column this[string columnName]
    {
        get => this.FirstOrDefault(column => column.ColumnName == columnName);
        set
        {
            Check.Parameter(Check.Value(value, nameof(value)).ColumnName == columnName, nameof(columnName),
                $"This column is named '{value.ColumnName}', not '{columnName}'.");
            int index = FindIndex(column => column.ColumnName == columnName);
            if (index < 0)
                Add(value);
            else
                this[index] = value;
        }
    }

    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        var definition = new SchemaDefinition();
        foreach (var member in MembersOf(Check.Value(userType, nameof(userType)), direction))
        {
            string name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name;
            Check.Parameter(definition[name] == null, nameof(userType), $"Two members are both named '{name}' as columns");
            definition.Add(new Column(member.Name, ColumnTypeOf(member), name));
        }

        return definition;
    }

    private static IEnumerable<MemberInfo> MembersOf(Type type, Direction direction)
    {
        var fields = type.GetFields(BindingFlags.Public | BindingFlags.Instance);
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property =>
            property.GetIndexParameters().Length == 0 &&
            ((direction.HasFlag(Direction.Read) && property.GetGetMethod() != null) ||
             (direction.HasFlag(Direction.Write) && property.GetSetMethod() != null)));
        return fields.Concat<MemberInfo>(properties).Where(member => member.GetCustomAttribute<NoColumnAttribute>() == null);
    }

    private static DataViewType ColumnTypeOf(MemberInfo member)
    {
        var value = MemberValue.Of(member);
        var vector = member.GetCustomAttribute<VectorTypeAttribute>();
        Check.Parameter(vector == null || value.IsVector, nameof(member),
            $"Member '{member.Name}' bears {nameof(VectorTypeAttribute)} and is no vector");
        return !value.IsVector ? value.ItemType
            : vector is { Dimensions.Length: > 0 } ? new VectorDataViewType(value.ItemType, vector.Dimensions)
            : new VectorDataViewType(value.ItemType, 0);
    }

    public sealed class Column
    {
        internal Column(string memberName, DataViewType columnType, string columnName)
        {
            MemberName = memberName;
            ColumnType = columnType;
            ColumnName = columnName;
        }

        public string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }
    }
}
